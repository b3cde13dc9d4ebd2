"""A netlink socket (netlink(7)): asks the kernel one thing and waits for its answer, never for long.

Two messages are all that is asked (`monitor.owners.diag`, `monitor.owners.addresses`), so `struct` does what
pyroute2 would: that library is made for whole networks, and costs more to import than the sensor's start-up
may take. Tested against the real kernel.
"""

import errno
import os
import select
import socket

from monitor.owners.messages import (
    DONE,
    DUMP,
    ERROR,
    REQUEST,
    MalformedError,
    Message,
    error_number,
    frame,
    messages,
)

TIMEOUT_SECONDS = 0.005  # the kernel answers within the call that asks; more only where memory is short
DATAGRAM_BYTES = 65_536  # the kernel's largest is half of that
MAX_DATAGRAMS = 64  # of one answer, each of some hundred sockets
_MAX_STALE = 64  # datagrams of a question given up that are thrown away before the next


class UnansweredError(Exception):
    """The kernel did not answer in time, refused, or said more than is read."""


class Link:
    """Opened when made: before the process gives up the right to."""

    def __init__(self, protocol: int) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._socket.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._sequence = 0

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def ask(self, kind: int, body: bytes, *, dump: bool = False) -> list[bytes]:
        """Return the bodies of the answers: one, or none where there is no such thing; with ``dump`` all."""
        try:
            return self._ask(kind, body, dump=dump)
        except (OSError, MalformedError) as error:
            raise UnansweredError(str(error)) from error

    def _ask(self, kind: int, body: bytes, *, dump: bool) -> list[bytes]:
        self._throw_away()
        self._sequence = self._sequence + 1 & 0xFFFFFFFF
        self._socket.send(frame(kind, REQUEST | (DUMP if dump else 0), self._sequence, body))
        answers: list[bytes] = []
        for _ in range(MAX_DATAGRAMS):
            for message in self._received():
                if message.kind in {ERROR, DONE}:
                    _check(message, dump=dump)
                    return answers
                answers.append(message.body)
                if not dump:
                    return answers
        raise UnansweredError("the answer has no end")

    def _received(self) -> list[Message]:
        """Return what the next datagram says to the question: it must be the kernel's own."""
        try:
            data, (port, _) = self._socket.recvfrom(DATAGRAM_BYTES)
        except BlockingIOError:
            if not self._poll.poll(TIMEOUT_SECONDS * 1_000):
                raise UnansweredError("no answer in time") from None
            return []
        return [each for each in messages(data) if each.sequence == self._sequence] if port == 0 else []

    def _throw_away(self) -> None:
        """Read what is left of a question that was given up: the kernel starts no dump beside another."""
        for _ in range(_MAX_STALE):
            try:
                self._socket.recv(DATAGRAM_BYTES)
            except BlockingIOError:
                return


def _check(last: Message, *, dump: bool) -> None:
    """Raise the error that an answer ends with. Asked for one thing, its absence is none."""
    number = error_number(last)
    if number and (dump or number != errno.ENOENT):
        raise UnansweredError(os.strerror(number))
