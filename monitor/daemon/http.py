"""Hands out metrics and health over HTTP. No client holds a thread for long, or the main loop at all.

A connection carries one request, and is cut when its time is over, whatever it waits for. There are at most
so many at a time; who comes on top is turned away. Requests are not logged, since they hold addresses.
"""

import socket
import time
from contextlib import suppress
from socketserver import BaseServer
from threading import Lock, Thread
from typing import Any

from msgspec import Struct

from monitor.daemon.health import Health
from monitor.daemon.requests import Expose, Request

MAX_CONNECTIONS = 8
CONNECTION_SECONDS = 10.0  # from its first to its last byte
POLL_SECONDS = 0.5  # how often connections whose time is over are looked for
PAUSE_SECONDS = 0.1  # where a connection cannot be taken: too many files are open
JOIN_SECONDS = 2.0
TURNED_AWAY = b"HTTP/1.0 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Endpoint:
    """The HTTP endpoint, on a socket that listens. Its threads end with the process at the latest."""

    def __init__(self, listener: socket.socket, expose: Expose, health: Health) -> None:
        self._server = Server(listener, expose, health)
        self._thread = Thread(
            target=self._server.serve_forever, args=(POLL_SECONDS,), name="http", daemon=True
        )

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, cut what is open, and wait for the threads."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(JOIN_SECONDS)
        self._server.server_close()


class _Client(Struct):
    """A connection that is open, and when its time is over (monotonic seconds)."""

    thread: Thread
    end: float


class Server(BaseServer):
    """Takes connections, each into a thread of its own. What requests ask for is here too."""

    def __init__(self, listener: socket.socket, expose: Expose, health: Health) -> None:
        super().__init__(listener.getsockname(), Request)
        listener.setblocking(False)  # who was there may be gone when it is taken
        self.expose = expose
        self.health = health
        self._listener = listener
        self._lock = Lock()
        self._clients: dict[socket.socket, _Client] = {}

    def fileno(self) -> int:
        """What to wait on."""
        return self._listener.fileno()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Take a connection."""
        try:
            return self._listener.accept()
        except BlockingIOError:
            raise
        except OSError:
            time.sleep(PAUSE_SECONDS)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread, or turn it away."""
        thread = Thread(target=self._serve, args=(request, client_address), name="http client", daemon=True)
        with self._lock:
            taken = len(self._clients) < MAX_CONNECTIONS
            if taken:
                self._clients[request] = _Client(thread, time.monotonic() + CONNECTION_SECONDS)
        if taken:
            try:
                thread.start()
            except RuntimeError:  # the system has no thread left
                self._forget(request)
                taken = False
        if not taken:
            with suppress(OSError):
                request.setblocking(False)
                request.send(TURNED_AWAY)
            self.shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection, and say so to the other end first."""
        with suppress(OSError):
            request.shutdown(socket.SHUT_WR)
        request.close()

    def service_actions(self) -> None:
        """Cut the connections whose time is over."""
        self._cut(time.monotonic())

    def server_close(self) -> None:
        """Stop listening, cut all connections, and wait for their threads."""
        self._listener.close()
        self._cut(float("inf"))
        with self._lock:
            threads = [client.thread for client in self._clients.values()]
        for thread in threads:
            thread.join(JOIN_SECONDS)

    def _cut(self, now: float) -> None:
        """Wake whoever waits on a connection whose time is over, with its end."""
        with self._lock:
            for connection, client in self._clients.items():
                if client.end <= now:
                    with suppress(OSError):
                        connection.shutdown(socket.SHUT_RDWR)

    def _serve(self, connection: socket.socket, client_address: Any) -> None:
        try:
            with suppress(OSError):  # the client went away, or its time was over
                self.finish_request(connection, client_address)
        finally:
            self.shutdown_request(connection)
            self._forget(connection)

    def _forget(self, connection: socket.socket) -> None:
        with self._lock:
            del self._clients[connection]
