"""A program that runs until it is told to end: what it says, and what it costs while it runs."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec

from benchmarks.harness.measure import ChildFailedError

_TICKS = os.sysconf("SC_CLK_TCK")
_STOP_SECONDS = 20.0
_UTIME = 11  # in what follows the program's name in /proc/PID/stat


class Running:
    """A child. It is ended when the ``with`` is left, whatever happened. Its output goes to files."""

    def __init__(self, command: Sequence[str]) -> None:
        self._files = ExitStack()
        self._out = self._files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  closed by the stack
        self._errors = self._files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  closed by the stack
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=self._errors,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()
        self._files.close()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._child.pid

    def said(self) -> str:
        """Return what it wrote to stdout so far."""
        return _read(self._out)

    def complained(self) -> str:
        """Return what it wrote to stderr so far."""
        return _read(self._errors)

    def is_over(self) -> bool:
        """Tell whether it ended."""
        return self._child.poll() is not None

    def check(self, end: float) -> None:
        """See that it runs, and that it is not later than ``end`` (monotonic). Raises ChildFailedError."""
        if self.is_over() or time.monotonic() > end:
            raise ChildFailedError(f"not ready: {last_words(self.complained())}")

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if not self.is_over():
            self._child.send_signal(number)

    def stop(self, by: signal.Signals, good_statuses: Sequence[int] = (0,)) -> None:
        """Ask it to end, and wait for that. Raises ChildFailedError."""
        self.send_signal(by)
        self.await_end(_STOP_SECONDS, good_statuses)

    def await_end(self, seconds: float, good_statuses: Sequence[int] = (0,)) -> None:
        """Wait until it ends by itself. Raises ChildFailedError."""
        try:
            status = self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise ChildFailedError(f"did not end within {seconds:.0f} s") from None
        if status not in good_statuses:
            raise ChildFailedError(f"status {status}: {last_words(self.complained())}")


class Usage(msgspec.Struct, frozen=True):
    """What a process and its children took so far; resident memory now, and at its peak."""

    cpu_seconds: float = 0.0
    resident_bytes: int = 0
    peak_bytes: int = 0


def usage(pid: int) -> Usage:
    """Look at a process and its children; of one that is gone nothing is known."""
    found = Usage()
    for each in (pid, *_children(pid)):
        try:
            stat = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            status = Path(f"/proc/{each}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        ticks = sum(map(int, stat[_UTIME : _UTIME + 4]))  # own and ended children's, user and system
        found = Usage(
            found.cpu_seconds + ticks / _TICKS,
            found.resident_bytes + _status_bytes(status, "VmRSS"),
            found.peak_bytes + _status_bytes(status, "VmHWM"),
        )
    return found


def last_words(text: str) -> str:
    """Return the last line of a text."""
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no message"


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in task.read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
        for child in children:
            found += [child, *_children(child)]
    return found


def _status_bytes(status: str, name: str) -> int:
    lines = (line.split() for line in status.splitlines() if line.startswith(f"{name}:"))
    return next((int(line[1]) * 1_024 for line in lines), 0)


def _read(file: IO[bytes]) -> str:
    return os.pread(file.fileno(), 1 << 20, 0).decode(errors="replace")
