"""What sinks read from files: secrets, and what is needed for TLS.

A file that cannot be used is one InputError. A secret is the first line of a file that not everybody may
read; it is read when the sink is opened.
"""

import os
import ssl
import stat
from pathlib import Path

from monitor.files import InputError, unreadable
from monitor.sink_options import Tls

MAX_SECRET_BYTES = 65_536


def read_secret(written: str, folder: Path) -> str:
    """Return the first line of a secret's file; a relative path counts from ``folder``. Raises InputError."""
    path = folder / written
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise unreadable(path, error) from None
    try:
        _check_mode(path, os.fstat(file).st_mode)
        content = os.read(file, MAX_SECRET_BYTES)
    except OSError as error:
        raise unreadable(path, error) from None
    finally:
        os.close(file)
    line = content.partition(b"\n")[0].removesuffix(b"\r")
    try:
        secret = line.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(str(path), "the first line is not UTF-8", "write the secret as text") from None
    if not secret or not secret.isprintable():
        what = "holds control characters" if secret else "is empty"
        raise InputError(str(path), f"the first line {what}", "write the secret there, and nothing else")
    return secret


def _check_mode(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise InputError(str(path), "no plain file", "name a file")
    if mode & stat.S_IROTH:
        raise InputError(str(path), "everyone may read this secret", f"close it: chmod o-r {path}")


def tls_context(tls: Tls, folder: Path) -> ssl.SSLContext:
    """Return a client's context: the server is verified, by the system's store where there is no ``ca``.

    Raises InputError where a certificate or key cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=str(folder / tls.ca) if tls.ca is not None else None)
    except (OSError, ssl.SSLError) as error:
        raise _unusable(folder / (tls.ca or ""), error, "certificates in PEM form") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.certificate is not None:
        certificate, key = folder / tls.certificate, folder / (tls.key or tls.certificate)
        try:
            context.load_cert_chain(certificate, key, password=_no_password)
        except (OSError, ssl.SSLError) as error:
            what = "a certificate in PEM form and its key, without a password"
            raise _unusable(certificate, error, what) from None
    return context


def _no_password() -> str:
    """Answer the library, which would ask on the terminal."""
    return ""


def _unusable(path: Path, error: OSError, wanted: str) -> InputError:
    if isinstance(error, ssl.SSLError) or error.filename is None:
        return InputError(str(path), f"not usable for TLS ({error})", f"give {wanted}")
    return unreadable(path, error)
