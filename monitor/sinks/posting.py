"""POST requests to one address of an HTTP server, under a guard: no answer is longer or slower than may be.

An answer counts once its head is here; of its body only the beginning is read. No redirect is followed, no
proxy used, and nothing tried twice: the queue does that.
"""

import math
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any

import msgspec
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from monitor.sinks.guarded import Guard, GuardedSocket
from monitor.sinks.reasons import reason_of

MAX_ANSWER_BYTES = 262_144  # with all its headers
MAX_BODY_BYTES = 4_096  # of an answer that is read, for what it says
MAX_SAID = 200  # characters of that


class PostError(Exception):
    """There is no answer. The message says why."""


class Answer(msgspec.Struct, frozen=True):
    """What the server said: the beginning of its text in one line, and in how many seconds to come again."""

    status: int
    text: str
    retry_after: float | None = None

    def said(self) -> str:
        """Return status and text in one line."""
        return f"HTTP status {self.status}: {self.text}" if self.text else f"HTTP status {self.status}"


class Poster:
    """One address, and the connection to it, which is kept. ``clock`` gives seconds since 1970."""

    def __init__(self, url: str, seconds: float, context: ssl.SSLContext | None, name: str | None) -> None:
        """``context`` is for https; ``name`` is whom the certificate names, if not the host."""
        self._guard = Guard(seconds, MAX_ANSWER_BYTES)
        parsed = urllib3.util.parse_url(url)
        shared: dict[str, Any] = {"timeout": seconds, "retries": False, "maxsize": 1, "guard": self._guard}
        if parsed.scheme == "https":
            shared |= {"ssl_context": context, "server_hostname": name, "assert_hostname": name}
            self._pool: urllib3.HTTPConnectionPool = _HttpsPool(parsed.host or "", parsed.port, **shared)
        else:
            self._pool = _HttpPool(parsed.host or "", parsed.port, **shared)
        self._target = parsed.request_uri

    def post(self, headers: Mapping[str, str], body: bytes, clock: Callable[[], float] = time.time) -> Answer:
        """Post a body. Raises PostError where nothing sensible comes back in time.

        ``clock`` gives seconds since 1970, for a server that names a time to come again.
        """
        self._guard.begin()
        try:
            response = self._pool.urlopen(
                "POST", self._target, body, dict(headers), redirect=False, preload_content=False
            )
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise PostError(reason_of(_cause(error))) from None
        text = _beginning(response)
        return Answer(response.status, text, retry_after(response.headers.get("Retry-After"), clock()))

    def close(self) -> None:
        """Let go of the connection."""
        self._pool.close()


class _Http(HTTPConnection):
    """A connection under a guard."""

    def __init__(self, *args: Any, guard: Guard, **options: Any) -> None:
        super().__init__(*args, **options)
        self._guard = guard

    def connect(self) -> None:
        super().connect()
        self.sock: Any = GuardedSocket(self.sock, self._guard)


class _Https(HTTPSConnection):
    """The same over TLS."""

    def __init__(self, *args: Any, guard: Guard, **options: Any) -> None:
        super().__init__(*args, **options)
        self._guard = guard

    def connect(self) -> None:
        super().connect()
        self.sock: Any = GuardedSocket(self.sock, self._guard)


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Https


def _beginning(response: urllib3.BaseHTTPResponse) -> str:
    """Return the beginning of a body, for people; keep the connection only where that was all of it."""
    content, whole = b"", False
    with suppress(urllib3.exceptions.HTTPError, OSError, ValueError):
        while len(content) < MAX_BODY_BYTES and not whole:
            piece = response.read1(MAX_BODY_BYTES - len(content), decode_content=False)
            content, whole = content + piece, not piece
    if whole:
        response.release_conn()
    else:
        response.close()
    text = "".join(each if each.isprintable() else " " for each in content.decode("utf-8", "replace"))
    return " ".join(text.split())[:MAX_SAID]


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


def _cause(error: BaseException) -> BaseException:
    """Return what lies under urllib3's own error."""
    if not isinstance(error, urllib3.exceptions.HTTPError):
        return error
    for each in (error.__cause__, *error.args):
        if isinstance(each, OSError):
            return each
    if any(isinstance(each, HTTPException) for each in error.args):
        return ValueError("its answer is not HTTP")
    return TimeoutError() if isinstance(error, urllib3.exceptions.TimeoutError) else error
