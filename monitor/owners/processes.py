"""Finds the process that holds a socket, among those of the socket's cgroup or among all.

To see which files another user's process has open takes CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH; without them
the process stays unknown. A link is read and never followed: what it points to may hang. The name is `comm`,
what the process calls itself; its command line, which may hold secrets, is not read.
"""

import os
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

import msgspec

SEARCH_NS = 10_000_000  # of time for one search
MAX_PIDS = 1_024  # processes looked at in one search
MAX_COMM_BYTES = 64

Unnamed = Literal["ambiguous", "unreadable", "unfound"]


class Holder(msgspec.Struct, frozen=True):
    """A process that holds a socket, by what it calls itself, in printable ASCII."""

    process: str


class Processes:
    """The processes under ``/proc``. ``clock`` gives monotonic nanoseconds."""

    def __init__(self, proc: Path, clock: Callable[[], int]) -> None:
        self._proc = proc
        self._clock = clock

    def holder(self, inode: int, pids: Sequence[int]) -> Holder | Unnamed:
        """Return the process that holds a socket, or why none can be named.

        ``pids`` are those to look at; all where there are none. Where time runs out behind the first process
        found, that one is returned: it holds the socket, and others may.
        """
        end_ns = self._clock() + SEARCH_NS
        names: set[str] = set()
        closed = False
        for pid in islice(pids or self._all(), MAX_PIDS):
            if self._clock() > end_ns:
                break
            try:
                names.update(self._names(pid, f"socket:[{inode}]", end_ns))
            except OSError:  # no right to look, hidden, or ended meanwhile
                closed = True
        if len(names) == 1:
            return Holder(names.pop())
        return "ambiguous" if names else "unreadable" if closed else "unfound"

    def _all(self) -> list[int]:
        """Return all processes, the youngest first: the kernel's own are the oldest."""
        return sorted(
            (int(each.name) for each in self._proc.iterdir() if each.name.isdecimal()), reverse=True
        )

    def _names(self, pid: int, socket: str, end_ns: int) -> list[str]:
        """Return the process's name if it holds the socket. Its directory is held: no other takes the pid."""
        directory = os.open(self._proc / str(pid), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return [_comm(directory)] if self._holds(directory, socket, end_ns) else []
        finally:
            os.close(directory)

    def _holds(self, directory: int, socket: str, end_ns: int) -> bool:
        descriptors = os.open("fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
        try:
            with os.scandir(descriptors) as entries:
                for entry in entries:
                    if _link(entry.name, descriptors) == socket:
                        return True
                    if self._clock() > end_ns:
                        return False
        finally:
            os.close(descriptors)
        return False


def _link(name: str, directory: int) -> str:
    try:
        return os.readlink(name, dir_fd=directory)
    except FileNotFoundError:  # closed meanwhile
        return ""


def _comm(directory: int) -> str:
    file = os.open("comm", os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)
    try:
        return printable(os.read(file, MAX_COMM_BYTES).removesuffix(b"\n"))
    finally:
        os.close(file)


def printable(name: bytes) -> str:
    r"""Return a name with every byte that is not printable ASCII, and the backslash, as ``\xNN``."""
    return "".join(chr(each) if 0x20 <= each < 0x7F and each != 0x5C else f"\\x{each:02x}" for each in name)
