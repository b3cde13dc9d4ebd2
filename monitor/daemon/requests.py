"""One HTTP request, from its first byte to the answer's last. What it may send, and how long, is bounded."""

from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BufferedIOBase
from typing import Protocol, cast

from monitor.daemon.health import Health
from monitor.metrics import Exposed

WAIT_SECONDS = 5.0  # for more of the request, or until all of the answer is taken
HEAD_BYTES = 8_192  # of the request line and the headers together
INDEX = b"Residency Monitor\n\n/metrics\n/healthz\n/readyz\n"
TEXT = "text/plain; charset=utf-8"


Expose = Callable[[str, str], Exposed]  # given the formats and the encodings that are accepted


class Sources(Protocol):
    """What answers come from."""

    expose: Expose
    health: Health


class Request(BaseHTTPRequestHandler):
    """Answers GET and HEAD, and closes the connection."""

    server: Sources  # type: ignore[assignment]  # a server that has them
    timeout = WAIT_SECONDS
    default_request_version = "HTTP/1.0"
    raw_requestline: bytes
    command: str | None  # type: ignore[assignment]  # null where the request line makes no sense

    def setup(self) -> None:
        """Bound what is read."""
        super().setup()
        self._head = _Head(self.rfile)
        self.rfile = cast("BufferedIOBase", self._head)

    def parse_request(self) -> bool:
        """Read the request; answer one that makes no sense, or does not end."""
        self.command = None
        self.request_version = self.default_request_version
        if not self.raw_requestline.endswith(b"\n"):
            if not self._head.left:
                self.send_error(HTTPStatus.REQUEST_URI_TOO_LONG)
            return False
        if not super().parse_request():
            return False
        if not self._head.left:
            self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return False
        return True

    def do_GET(self) -> None:
        """Answer by path."""
        health = self.server.health
        match self.path.partition("?")[0]:
            case "/metrics":
                self._metrics()
            case "/healthz":
                self._state(health.sickness())
            case "/readyz":
                self._state(health.unreadiness())
            case "/":
                self._answer(HTTPStatus.OK, INDEX)
            case _:
                self.send_error(HTTPStatus.NOT_FOUND)

    do_HEAD = do_GET  # noqa: N815

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Answer an error in one line, without what the client sent."""
        status = HTTPStatus(code)
        headers = {}
        if status is HTTPStatus.NOT_IMPLEMENTED:  # as the library says of all methods but those above
            status = HTTPStatus.METHOD_NOT_ALLOWED
            headers = {"Allow": "GET, HEAD"}
        self._answer(status, f"{status.value} {status.phrase}\n".encode(), headers)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing."""

    def _metrics(self) -> None:
        accept = self.headers.get("Accept", ""), self.headers.get("Accept-Encoding", "")
        exposed = self.server.expose(*accept)
        headers = {"Content-Type": exposed.content_type}
        if exposed.content_encoding is not None:
            headers["Content-Encoding"] = exposed.content_encoding
        self._answer(HTTPStatus.OK, exposed.body, headers)

    def _state(self, problem: str | None) -> None:
        status = HTTPStatus.OK if problem is None else HTTPStatus.SERVICE_UNAVAILABLE
        self._answer(status, f"{problem or 'ok'}\n".encode())

    def _answer(self, status: HTTPStatus, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response_only(status)
        fixed = {"Date": self.date_time_string(), "Connection": "close", "Cache-Control": "no-store"}
        sized = {"Content-Type": TEXT, "Content-Length": str(len(body)), "X-Content-Type-Options": "nosniff"}
        for name, value in (fixed | sized | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class _Head:
    """The lines of a request, up to a number of bytes; then nothing more. ``left`` is then 0."""

    def __init__(self, file: BufferedIOBase) -> None:
        self._file = file
        self.left = HEAD_BYTES

    def readline(self, most: int = -1) -> bytes:
        """Return a line, or what may be read of it."""
        line = self._file.readline(self.left if most < 0 else min(most, self.left))
        self.left -= len(line)
        return line

    def close(self) -> None:
        """Close what is read from."""
        self._file.close()
