"""Fetches files over HTTPS: bounded in size and time, a few tries, nothing secret sent on to another host.

Plain HTTP is for loopback alone, where tests and tunnels live. Proxies are taken from the environment.
"""

import http.client
import ipaddress
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from typing import IO
from urllib.parse import urlsplit

import msgspec

from monitor import __version__

TRIES = 3
BACKOFF_SECONDS = 2.0  # doubled after each try
TIMEOUT_SECONDS = 30.0  # without a byte
DEADLINE_SECONDS = 600.0  # for one file
CHUNK = 256 * 1024
MAX_REDIRECTS = 5
MAX_FIELD = 256  # of a header that is kept
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


class FetchError(Exception):
    """A file that could not be had. The message names no part of an address that may be secret."""

    def __init__(self, problem: str, status: int | None = None) -> None:
        super().__init__(problem)
        self.status = status


class Fetched(msgspec.Struct, frozen=True):
    """A file, or that it is still the same (``data`` is None)."""

    data: bytes | None
    etag: str | None = None
    last_modified: str | None = None


class Request(msgspec.Struct, frozen=True):
    """What to fetch. ``authorization`` is sent to the first host only."""

    url: str
    max_bytes: int
    etag: str | None = None
    last_modified: str | None = None
    authorization: str | None = None


class _TryAgainError(FetchError):
    """What may be better in a moment."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = MAX_REDIRECTS

    def redirect_request(  # noqa: PLR0913, PLR0917  the library's signature
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: "http.client.HTTPMessage",
        newurl: str,
    ) -> urllib.request.Request | None:
        check_url(newurl)
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None and urlsplit(newurl).netloc != urlsplit(req.full_url).netloc:
            request.remove_header("Authorization")
        return request


class Fetcher:
    """Fetches. ``progress`` is told how many bytes came, ``sleep`` waits between tries."""

    def __init__(
        self, progress: Callable[[int], None] | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._progress = progress
        self._sleep = sleep
        self._opener = urllib.request.build_opener(_Redirects)

    def fetch(self, request: Request) -> Fetched:
        """The file. Raises FetchError."""
        check_url(request.url)
        for number in range(TRIES):
            try:
                return self._once(request)
            except _TryAgainError as error:
                if number + 1 == TRIES:
                    raise FetchError(f"{error}, {TRIES} times", error.status) from None
                self._sleep(BACKOFF_SECONDS * 2**number)
        raise FetchError("not tried")  # TRIES is never zero

    def _once(self, request: Request) -> Fetched:
        try:
            with self._opener.open(_prepared(request), timeout=TIMEOUT_SECONDS) as response:
                data = self._read(response, request.max_bytes)
                headers: Message = response.headers
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == http.client.NOT_MODIFIED:
                return Fetched(None)
            kind = _TryAgainError if error.code in _TRY_AGAIN else FetchError
            raise kind(f"the server answers {error.code} {_plain(error.reason)}", error.code) from None
        except TimeoutError:
            raise _TryAgainError("the server does not answer in time") from None
        except urllib.error.URLError as error:
            raise _TryAgainError(f"no connection ({_plain(error.reason)})") from None
        except (http.client.HTTPException, OSError) as error:
            raise _TryAgainError(f"the connection broke ({type(error).__name__})") from None
        return Fetched(data, _field(headers, "ETag"), _field(headers, "Last-Modified"))

    def _read(self, response: IO[bytes], max_bytes: int) -> bytes:
        until = time.monotonic() + DEADLINE_SECONDS
        parts: list[bytes] = []
        size = 0
        while part := response.read(CHUNK):
            parts.append(part)
            size += len(part)
            if size > max_bytes:
                raise FetchError(f"the file is larger than {max_bytes:,} bytes")
            if time.monotonic() > until:
                raise FetchError(f"the file takes longer than {DEADLINE_SECONDS:.0f} s")
            if self._progress is not None:
                self._progress(len(part))
        return b"".join(parts)


def check_url(url: str) -> None:
    """Raise FetchError unless an address may be fetched from: HTTPS, or HTTP on loopback."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise FetchError("not a URL") from None
    if parts.scheme == "https" and host:
        return
    if parts.scheme == "http" and _is_loopback(host):
        return
    raise FetchError(f"{parts.scheme or 'no scheme'}://{host} is not HTTPS")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _prepared(request: Request) -> urllib.request.Request:
    headers = {"User-Agent": f"residency-monitor/{__version__}", "Accept": "*/*"}
    if request.etag is not None:
        headers["If-None-Match"] = request.etag
    if request.last_modified is not None:
        headers["If-Modified-Since"] = request.last_modified
    if request.authorization is not None:
        headers["Authorization"] = request.authorization
    return urllib.request.Request(request.url, headers=headers)  # noqa: S310  the scheme was checked


def _field(headers: Message, name: str) -> str | None:
    value = headers.get(name)
    return value if value is not None and len(value) <= MAX_FIELD and value.isprintable() else None


def _plain(reason: object) -> str:
    """A reason as a line can hold it."""
    text = getattr(reason, "strerror", None) or str(reason)
    return "".join(character for character in text if character.isprintable())[:120]
