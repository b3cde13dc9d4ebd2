"""POST requests to one HTTP server, under a guard: no answer is longer or slower than it may be.

Redirects are not followed and nothing is tried twice: the queue does that.
"""

import ssl
from collections.abc import Mapping
from typing import Any

import msgspec

from monitor.files import InputError
from monitor.parquet import MissingExtraError
from monitor.sinks.guarded import Guard, GuardedSocket
from monitor.sinks.plain import plain
from monitor.sinks.reasons import reason_of

try:
    import urllib3
    from urllib3.connection import HTTPConnection, HTTPSConnection
except ModuleNotFoundError:
    raise MissingExtraError(
        "Alertmanager needs the alertmanager extra; install it: pip install 'residency-monitor[alertmanager]'"
    ) from None

MAX_ANSWER_BYTES = 262_144  # with all its headers
MAX_BODY_BYTES = 4_096  # of an answer that is read, for what it says
MAX_RETRY_AFTER_SECONDS = 3_600.0


class PostError(Exception):
    """There is no answer. The message says why."""


class Answer(msgspec.Struct, frozen=True):
    """What the server said. ``retry_after`` is its header in seconds, where it is a number."""

    status: int
    text: str
    retry_after: float | None = None

    def said(self) -> str:
        """Return status and text in one line."""
        return f"HTTP status {self.status}: {self.text}" if self.text else f"HTTP status {self.status}"


class Poster:
    """The server of one address, and the connection to it, which is kept."""

    def __init__(
        self, where: str, url: str, seconds: float, context: ssl.SSLContext, name: str | None
    ) -> None:
        """``name`` is whom the certificate names, if not the host. Raises InputError for a bad URL."""
        self._guard = Guard(seconds, MAX_ANSWER_BYTES)
        parsed = _parsed(where, url)
        shared: dict[str, Any] = {"timeout": seconds, "retries": False, "maxsize": 1, "guard": self._guard}
        if parsed.scheme == "https":
            shared |= {"ssl_context": context, "server_hostname": name, "assert_hostname": name}
            self._pool: urllib3.HTTPConnectionPool = _HttpsPool(parsed.host or "", parsed.port, **shared)
        else:
            self._pool = _HttpPool(parsed.host or "", parsed.port, **shared)
        self._path = (parsed.path or "").rstrip("/")

    def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post to a path below the URL's. Raises PostError where nothing sensible comes back in time."""
        self._guard.begin()
        try:
            response = self._pool.urlopen(
                "POST", self._path + path, body, dict(headers), redirect=False, preload_content=False
            )
            try:
                return _answer(response)
            finally:
                response.close()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise PostError(reason_of(_cause(error))) from None

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


def _parsed(where: str, url: str) -> urllib3.util.Url:
    mend = "write http://HOST:PORT or https://HOST:PORT"
    try:
        parsed = urllib3.util.parse_url(url)
    except urllib3.exceptions.HTTPError:
        raise InputError(where, f"{url!r} is no URL", mend) from None
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise InputError(where, f"{url!r} is no URL of an HTTP server", mend)
    if parsed.auth or parsed.query or parsed.fragment:
        raise InputError(where, f"{url!r} holds more than host, port and path", mend)
    return parsed


def _answer(response: urllib3.BaseHTTPResponse) -> Answer:
    body = response.read(MAX_BODY_BYTES, decode_content=False)
    text = plain(body.decode("utf-8", "replace").strip(), 300)
    return Answer(response.status, text, _seconds(response.headers.get("Retry-After")))


def _seconds(written: str | None) -> float | None:
    """Return Retry-After where it is a number of seconds; a date counts as not said."""
    if written is None or not written.isascii() or not written.isdecimal() or len(written) > 9:
        return None
    return min(float(written), MAX_RETRY_AFTER_SECONDS)


def _cause(error: BaseException) -> BaseException:
    """Return what lies under urllib3's own error."""
    if not isinstance(error, urllib3.exceptions.HTTPError):
        return error
    for each in (error.__cause__, *error.args):
        if isinstance(each, OSError):
            return each
    return TimeoutError() if isinstance(error, urllib3.exceptions.TimeoutError) else error
