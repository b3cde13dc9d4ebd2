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
from typing import Literal

from monitor.sink_options import SyslogOptions

FINISH_SECONDS = 2.0  # for a server to read to the end, when we close
SETTLE_SECONDS = 0.5  # for a server to refuse our certificate, which TLS 1.3 lets it do after the handshake
_PIECE = 16_384
_FIRST_WAIT, _LONGEST_WAIT = 0.0005, 0.05


_UNWANTED = "it closed the connection after the handshake: it may want a certificate (tls.certificate)"

State = Literal["whole", "closed", "broken"]


class ClosedError(OSError):
    """The peer closed, and had read all that had reached it: else its kernel would say reset."""


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
            wrapped = context.wrap_socket(sock, server_hostname=options.tls.server_name or options.host)
            self._sock = sock = wrapped
            self._settle(wrapped, time.monotonic() + SETTLE_SECONDS)
        except BaseException:
            sock.close()
            raise

    def state(self) -> State:
        """Return how the connection is: whole, closed by the peer in good order, or broken."""
        try:
            self._check()
        except ClosedError:
            return "closed"
        except OSError:
            return "broken"
        return "whole"

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
        raise ClosedError("it closed the connection")

    def _settle(self, sock: ssl.SSLSocket, end: float) -> None:
        """Wait for a session ticket: a server that sends one has accepted our side of the handshake."""
        while sock.version() == "TLSv1.3" and time.monotonic() < end:
            try:
                self._check()
            except ClosedError:
                raise ConnectionAbortedError(_UNWANTED) from None
            if sock.session is not None and sock.session.has_ticket:
                return
            select.select([sock], [], [], max(0.0, end - time.monotonic()))

    def _unacknowledged(self) -> int:
        """Return how many bytes the peer's kernel has not acknowledged: SIOCOUTQ of tcp(7)."""
        found: int = struct.unpack("i", fcntl.ioctl(self._sock, termios.TIOCOUTQ, bytes(4)))[0]
        return found


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left
