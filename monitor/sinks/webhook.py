"""A sink that posts each event to an HTTP server, a request a parcel, one after the other.

2xx is taken as soon as its head is here. What says "not now" (408, 425, 429, 5xx), or that this end is
wrong (3xx, 401, 407, TLS, no connection), is tried again; any other status refuses that parcel alone.
Where there is a secret, each body is signed: `Residency-Signature: t=TIME,v1=HEX`, an HMAC-SHA-256 of
`TIME.BODY`. No redirect is followed, no proxy used, and of an answer only its beginning is read.
"""

import hmac
import math
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from monitor import __version__
from monitor.events import render
from monitor.files import InputError
from monitor.parquet import MissingExtraError
from monitor.sink_options import WebhookOptions
from monitor.sinks.files import read_secret, tls_context
from monitor.sinks.protocol import Dead, Delivered, Outcome, Parcel, RetryAfter

try:
    import urllib3
except ModuleNotFoundError:
    raise MissingExtraError(
        "a webhook needs the webhook extra; install it: pip install 'residency-monitor[webhook]'"
    ) from None

MAX_ANSWER_BYTES = 4_096  # of a body that are read
MAX_SAID = 200  # characters of an answer, in a reason
NOT_NOW = frozenset({408, 425, 429})  # RFC 9110 section 15.5.9, RFC 8470 section 5.2, RFC 6585 section 4
_REPR = re.compile(
    r"\A(?:<[^>]*>|HTTPS?Connection(?:Pool)?\([^)]*\)): "
)  # of urllib3's, in front of a reason
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
        self._pool, self._target = _pool(options, folder)

    def deliver(self, parcels: Sequence[Parcel]) -> Outcome:
        """Post each parcel; stop at the first that was not taken."""
        for done, parcel in enumerate(parcels):
            outcome = self._post(parcel, done)
            if outcome is not None:
                return outcome
        return Delivered()

    def close(self) -> None:
        """Close the connection."""
        self._pool.close()

    def _post(self, parcel: Parcel, done: int) -> Outcome | None:
        """Post a parcel; return why it was not taken, or None."""
        body = render(parcel.event, self._options.format)
        try:
            answer = self._pool.urlopen(
                "POST",
                self._target,
                body=body,
                headers=self._signed(parcel.key, body),
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return RetryAfter(_why(error), None, done)
        said = self._read(answer)
        status = answer.status
        if 200 <= status < 300:
            return None
        if status in NOT_NOW or status >= 500:
            asked = retry_after(answer.headers.get("Retry-After"), self._clock())
            return RetryAfter(f"answered {status}{said}", asked, done)
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

    def _read(self, answer: "urllib3.BaseHTTPResponse") -> str:
        """Return the beginning of an answer's body, for people; let go of the connection.

        It is used again only where that was the whole answer, and came in time.
        """
        content, deadline = b"", time.monotonic() + self._options.timeout_seconds
        whole = False
        with suppress(urllib3.exceptions.HTTPError, OSError, ValueError):
            while len(content) < MAX_ANSWER_BYTES and time.monotonic() < deadline:
                piece = answer.read1(MAX_ANSWER_BYTES - len(content))
                if not piece:
                    whole = True
                    break
                content += piece
        if whole:
            answer.release_conn()
        else:
            answer.close()
        text = "".join(each if each.isprintable() else " " for each in content.decode("utf-8", "replace"))
        return f": {' '.join(text.split())[:MAX_SAID]}" if text.strip() else ""


def signature(secret: bytes, at_seconds: int, body: bytes) -> str:
    """Return the value of `Residency-Signature`: when, and the HMAC-SHA-256 of that with the body."""
    signed = str(at_seconds).encode() + b"." + body
    return f"t={at_seconds},v1={hmac.new(secret, signed, sha256).hexdigest()}"


def retry_after(written: str | None, now_seconds: float) -> float | None:
    """Return the seconds that a Retry-After means (RFC 9110 section 10.2.3); None where it means none."""
    if written is None:
        return None
    if written.strip().isascii() and written.strip().isdecimal():
        return float(written) if len(written) <= 20 else math.inf
    try:
        return max(parsedate_to_datetime(written).timestamp() - now_seconds, 0.0)
    except (ValueError, OverflowError):
        return None


def _token(written: str, folder: Path) -> str:
    token = read_secret(written, folder)
    if not token.isascii() or " " in token:
        raise InputError(str(folder / written), "no bearer token", "write the token alone, in ASCII")
    return token


def _pool(options: WebhookOptions, folder: Path) -> tuple["urllib3.HTTPConnectionPool", str]:
    """Return where to post to, and the path and query there."""
    parts = urlsplit(options.url)
    timeout = urllib3.Timeout(connect=options.timeout_seconds, read=options.timeout_seconds)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.hostname or ""
    if parts.scheme == "http":
        return urllib3.HTTPConnectionPool(host, parts.port or 80, timeout=timeout, maxsize=1), target
    return urllib3.HTTPSConnectionPool(
        host,
        parts.port or 443,
        timeout=timeout,
        maxsize=1,
        ssl_context=tls_context(options.tls, folder),
        server_hostname=options.tls.server_name,
    ), target


def _why(error: Exception) -> str:
    """Say in one line why there was no answer."""
    reason: object = getattr(error, "reason", None) or error
    text = " ".join(str(reason).split()) or type(error).__name__
    return f"no answer: {_REPR.sub('', text)[:MAX_SAID]}"
