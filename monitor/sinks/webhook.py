"""A sink that posts each event to an HTTP server, a request a parcel, one after the other.

2xx is taken as soon as its head is here. What says "not now" (408, 425, 429, 5xx), or that this end is
wrong (3xx, 401, 407, TLS, no connection), is tried again; any other status refuses that parcel alone.
Where there is a secret, each body is signed: `Residency-Signature: t=TIME,v1=HEX`, an HMAC-SHA-256 of
`TIME.BODY`. No redirect is followed, no proxy used, and of an answer only its beginning is read.
"""

import hmac
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

from monitor import __version__
from monitor.events import render
from monitor.files import InputError
from monitor.parquet import MissingExtraError
from monitor.sink_options import WebhookOptions
from monitor.sinks.files import read_secret, tls_context
from monitor.sinks.protocol import Dead, Delivered, Outcome, Parcel, RetryAfter

try:
    from monitor.sinks.posting import Poster, PostError
except ModuleNotFoundError:
    raise MissingExtraError(
        "a webhook needs the webhook extra; install it: pip install 'residency-monitor[webhook]'"
    ) from None

NOT_NOW = frozenset({408, 425, 429})  # RFC 9110 section 15.5.9, RFC 8470 section 5.2, RFC 6585 section 4
OUR_FAULT = frozenset({401, 407})  # who we are was not accepted: no word on the parcel


class WebhookSink:
    """Posts events to one address over one connection that is kept open."""

    def __init__(self, options: WebhookOptions, folder: Path, clock: Callable[[], float] = time.time) -> None:
        """Read the files that ``options`` name. Raises InputError where one cannot be used."""
        self.name, self.batch = options.name, options.batch
        self._options, self._clock = options, clock
        self._secret = read_secret(options.secret_file, folder).encode() if options.secret_file else None
        self._headers = {"Content-Type": "application/json", "User-Agent": f"residency/{__version__}"}
        if options.token_file:
            self._headers["Authorization"] = f"Bearer {_token(options.token_file, folder)}"
        is_tls = options.url.lower().startswith("https:")
        context = tls_context(options.tls, folder) if is_tls else None
        self._poster = Poster(options.url, options.timeout_seconds, context, options.tls.server_name)

    def deliver(self, parcels: Sequence[Parcel]) -> Outcome:
        """Post each parcel; stop at the first that was not taken."""
        for done, parcel in enumerate(parcels):
            outcome = self._post(parcel, done)
            if outcome is not None:
                return outcome
        return Delivered()

    def close(self) -> None:
        """Close the connection."""
        self._poster.close()

    def _post(self, parcel: Parcel, done: int) -> Outcome | None:
        """Post a parcel; return why it was not taken, or None."""
        body = render(parcel.event, self._options.format)
        try:
            answer = self._poster.post(self._signed(parcel.key, body), body, self._clock)
        except PostError as error:
            return RetryAfter(f"no answer: {error}", None, done)
        status, said = answer.status, f": {answer.text}" if answer.text else ""
        if 200 <= status < 300:
            return None
        if status in NOT_NOW or status >= 500:
            return RetryAfter(f"answered {status}{said}", answer.retry_after, done)
        if status in OUR_FAULT:
            return RetryAfter(f"answered {status}: check token_file{said}", None, done)
        if status < 400:
            return RetryAfter(f"answered {status}, which is not followed: write the address", done=done)
        return Dead(f"answered {status}{said}", done)

    def _signed(self, key: str, body: bytes) -> dict[str, str]:
        headers = {**self._headers, "Idempotency-Key": key}
        if self._secret is not None:
            headers["Residency-Signature"] = signature(self._secret, int(self._clock()), body)
        return headers


def signature(secret: bytes, at_seconds: int, body: bytes) -> str:
    """Return the value of `Residency-Signature`: when, and the HMAC-SHA-256 of that with the body."""
    signed = str(at_seconds).encode() + b"." + body
    return f"t={at_seconds},v1={hmac.new(secret, signed, sha256).hexdigest()}"


def _token(written: str, folder: Path) -> str:
    token = read_secret(written, folder)
    if not token.isascii() or " " in token:
        raise InputError(str(folder / written), "no bearer token", "write the token alone, in ASCII")
    return token
