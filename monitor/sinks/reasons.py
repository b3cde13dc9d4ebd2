"""One clear line for what goes wrong on the way to a server. Pure."""

import ssl

from monitor.sinks.plain import plain


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
    return plain(said) or type(error).__name__
