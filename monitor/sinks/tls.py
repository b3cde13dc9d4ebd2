"""TLS as a client, as a configuration says it, and one clear line for what goes wrong on the way to a server."""

import ssl
from pathlib import Path

from monitor.files import InputError, unreadable
from monitor.sink_options import Tls
from monitor.sinks.plain import plain


def client_context(tls: Tls, folder: Path) -> ssl.SSLContext:
    """Return a context that knows the server by ``tls``; paths count from ``folder``. Raises InputError."""
    context = ssl.create_default_context(cafile=_trusted(tls, folder))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.certificate is None:
        return context
    certificate = folder / tls.certificate
    key = folder / (tls.key or tls.certificate)
    for path in (certificate, key):
        _readable(path)
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, ValueError):
        mend = "give a PEM certificate and its private key without a password"
        raise InputError(str(certificate), "no certificate that fits its key", mend) from None
    return context


def reason_of(error: BaseException) -> str:
    """Return in one line why a server could not be reached or used."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {plain(error.verify_message.strip().rstrip('.'))}"
    if isinstance(error, ssl.SSLError):
        said = error.reason or error.strerror or str(error)
        return f"TLS failed: {plain(str(said)).lower().replace('_', ' ')}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return plain(said).lower() or type(error).__name__


def _trusted(tls: Tls, folder: Path) -> str | None:
    if tls.ca is None:
        return None
    path = folder / tls.ca
    _readable(path)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        mend = "give the authority's certificate as PEM"
        raise InputError(str(path), "no certificates in it", mend) from None
    return str(path)


def _readable(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise unreadable(path, error) from None


def _no_password() -> str:
    """Answer for a key under a password, which would be asked for on the terminal."""
    raise ValueError
