"""A connection to a server that never answers: what can be known of it all the same. Linux.

The kernel says how many bytes the peer's kernel has not acknowledged, and whether the peer has closed.
"""

import fcntl
import select
import socket
import ssl
import struct
import termios
import time
from contextlib import suppress

from monitor.sink_options import SyslogOptions

FINISH_SECONDS = 2.0  # for a server to read to the end, when we close
_PIECE = 16_384
_FIRST_WAIT, _LONGEST_WAIT = 0.0005, 0.05


class Line:
    """One TCP or TLS connection. Raises OSError for whatever goes wrong, after at most the time-out."""

    def __init__(self, options: SyslogOptions, context: ssl.SSLContext | None) -> None:
        self._seconds = options.timeout_seconds
        end = time.monotonic() + self._seconds
        sock = socket.create_connection((options.host, options.port), self._seconds)
        self._sock = sock
        if context is None:
            return
        try:
            sock.settimeout(_left(end))
            self._sock = context.wrap_socket(sock, server_hostname=options.tls.server_name or options.host)
        except BaseException:
            sock.close()
            raise

    def is_whole(self) -> bool:
        """Whether the peer has neither closed nor broken the connection, nor said anything."""
        try:
            self._check()
        except OSError:
            return False
        return True

    def send(self, data: bytes) -> None:
        """Send, and return when the peer's kernel has it all and the connection is still whole."""
        end = time.monotonic() + self._seconds
        rest = memoryview(data)
        while rest:
            self._sock.settimeout(_left(end))
            rest = rest[self._sock.send(rest[:_PIECE]) :]
        wait = _FIRST_WAIT
        while self._unacknowledged():
            self._check()
            select.select([self._sock], [], [], min(wait, _left(end)))
            wait = min(2 * wait, _LONGEST_WAIT)
        self._check()

    def finish(self) -> None:
        """Say that nothing more comes, wait a little for the peer to close, and close."""
        with suppress(OSError, ValueError):
            self._sock.settimeout(FINISH_SECONDS)
            if isinstance(self._sock, ssl.SSLSocket):
                self._sock = self._sock.unwrap()
            self._sock.shutdown(socket.SHUT_WR)
            self._sock.recv(1)
        self.close()

    def close(self) -> None:
        """Close at once."""
        self._sock.close()

    def _check(self) -> None:
        """Raise OSError unless the peer is there and silent."""
        self._sock.settimeout(0)
        try:
            said = self._sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        if said:
            raise ConnectionAbortedError("it answers, which no syslog server does")
        raise ConnectionResetError("it closed the connection")

    def _unacknowledged(self) -> int:
        """Return how many bytes the peer's kernel has not acknowledged: SIOCOUTQ of tcp(7)."""
        found: int = struct.unpack("i", fcntl.ioctl(self._sock, termios.TIOCOUTQ, bytes(4)))[0]
        return found


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left
