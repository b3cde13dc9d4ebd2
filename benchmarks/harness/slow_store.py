"""A store of captures on this machine, whose every answer comes at a given speed, as an object store's do.

It speaks HTTP with ranges, on the loopback alone. Each request has a speed of its own: who asks for two
things at once gets twice as much.
"""

import html
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import IO

_CHUNK_BYTES = 1 << 20
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@contextmanager
def store_of(folder: Path, bytes_per_second: float) -> Iterator[str]:
    """Serve the files of a folder meanwhile; the address is that of all."""

    class Handler(_Handler):
        pass

    Handler.folder, Handler.bytes_per_second = folder, bytes_per_second
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    """Answers with a list of the files, with one of them, or with a range of its bytes."""

    protocol_version = "HTTP/1.1"
    folder = Path()
    bytes_per_second = 0.0

    def do_HEAD(self) -> None:
        """Tell of a file."""
        self._answer(is_asked_for_bytes=False)

    def do_GET(self) -> None:
        """Send a file."""
        self._answer(is_asked_for_bytes=True)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  the base's name
        """Say nothing."""

    def _answer(self, *, is_asked_for_bytes: bool) -> None:
        name = self.path.strip("/")
        if not name:
            self._list()
            return
        file = self.folder / name
        if name not in {each.name for each in self.folder.iterdir()}:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        size = file.stat().st_size
        begin, end = self._range(size)
        partial = (begin, end) != (0, size)
        self.send_response(HTTPStatus.PARTIAL_CONTENT if partial else HTTPStatus.OK)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - begin))
        self.send_header("ETag", f'"{file.stat().st_mtime_ns}"')
        if partial:
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{size}")
        self.end_headers()
        if is_asked_for_bytes:
            with file.open("rb") as opened:
                self._send(opened, begin, end)

    def _range(self, size: int) -> tuple[int, int]:
        found = _RANGE.fullmatch(self.headers.get("Range", ""))
        if found is None:
            return 0, size
        begin = min(int(found[1]), size)
        return begin, max(begin, min(int(found[2]) + 1, size) if found[2] else size)

    def _list(self) -> None:
        names = sorted(each.name for each in self.folder.iterdir())
        page = "".join(f'<a href="/{html.escape(name)}">{html.escape(name)}</a>\n' for name in names).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def _send(self, file: IO[bytes], begin: int, end: int) -> None:
        started = time.monotonic()
        for at in range(begin, end, _CHUNK_BYTES):
            count = min(_CHUNK_BYTES, end - at)
            self.connection.sendfile(file, at, count)
            due = started + (at + count - begin) / self.bytes_per_second
            time.sleep(max(0.0, due - time.monotonic()))
