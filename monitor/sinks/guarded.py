"""Sockets whose peer can neither keep a caller for ever nor fill its memory.

A time-out of a socket counts from byte to byte: who sends one now and then would keep its reader for days.
Here one deadline and one number of bytes count for all that is done between two calls of ``Guard.begin``.
"""

import io
import socket
import time
from typing import Any, cast


class FloodError(OSError):
    """The peer sent more than any answer is long."""


class Guard:
    """The time and the bytes that a peer has left."""

    def __init__(self, seconds: float, max_bytes: int) -> None:
        self._seconds = seconds
        self._max_bytes = max_bytes
        self.begin()

    def begin(self) -> None:
        """Start anew: the peer has all its time and bytes again."""
        self._end = time.monotonic() + self._seconds
        self._bytes = self._max_bytes

    def left(self) -> float:
        """Return the seconds that are left. Raises TimeoutError when none are."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    def spend(self, read: int) -> None:
        """Count bytes that the peer sent. Raises FloodError when they are too many."""
        self._bytes -= read
        if self._bytes < 0:
            raise FloodError(f"it sent more than {self._max_bytes:,} bytes")


class GuardedSocket:
    """A connected socket, plain or TLS, under a guard. What is not here is the socket's own."""

    def __init__(self, sock: socket.socket, guard: Guard) -> None:
        self._sock = sock
        self._guard = guard
        self._timeout = sock.gettimeout()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def settimeout(self, seconds: float | None) -> None:
        """Have each call take so long at most, within what the guard leaves."""
        self._timeout = seconds
        self._sock.settimeout(seconds)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Receive at most ``size`` bytes."""
        self._arm()
        data = self._sock.recv(size, flags)
        self._guard.spend(len(data))
        return data

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        """Receive into a buffer; return how many bytes."""
        self._arm()
        read = self._sock.recv_into(buffer, size, flags)
        self._guard.spend(read)
        return read

    def sendall(self, data: Any) -> None:
        """Send all of it before the guard's end."""
        rest = memoryview(data).cast("B")
        while rest:
            self._arm()
            rest = rest[self._sock.send(rest[:65_536]) :]

    def makefile(self, mode: str, *_: Any, **__: Any) -> io.BufferedReader:
        """Return a reader. It lives no longer than the socket."""
        if mode != "rb":
            raise ValueError(mode)
        return io.BufferedReader(cast("io.RawIOBase", _Raw(self)))

    def _arm(self) -> None:
        left = self._guard.left()
        self._sock.settimeout(left if self._timeout is None else min(left, self._timeout))


class _Raw(io.RawIOBase):
    """What a buffered reader reads from."""

    def __init__(self, sock: GuardedSocket) -> None:
        super().__init__()
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._sock.recv_into(buffer)
