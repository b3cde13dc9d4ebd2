"""The programs of the stack: all run, or none does.

Each is a child of this process with a log of its own, out of reach of the terminal's Ctrl-C, so that they end
in order. When this process is killed, a shell that waits for that ends them.
"""

import signal
import subprocess
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import click

from tools.stack.places import Owner

END_SECONDS = 8.0  # `residency run` takes up to five
LAST_LINES = 12


class Child:
    """A program that runs until it is told to end. Raises ClickException where it cannot be started."""

    def __init__(self, name: str, command: Sequence[str], log: Path, owner: Owner) -> None:
        self.name = name
        self._log = log
        with log.open("wb") as output:
            try:
                self.process = subprocess.Popen(  # noqa: S603  our own commands
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    user=owner.user,
                    group=owner.group,
                    extra_groups=owner.groups,
                )
            except OSError as error:
                raise click.ClickException(f"{name} cannot be started: {error}") from None

    def last_words(self) -> str:
        """Return how it ended, and the end of its log."""
        with self._log.open(encoding="utf-8", errors="replace") as log:
            lines = "".join(deque(log, LAST_LINES))
        return f"{self.name} ended with status {self.process.returncode}; the end of {self._log}:\n{lines}"


class Guard:
    """A shell that ends programs once this process is gone, however that came: its pipe is closed then."""

    _SCRIPT = 'while read -r process; do all="$all $process"; done; kill -TERM $all'

    def __init__(self) -> None:
        self._shell = subprocess.Popen(  # noqa: S603  our own words
            ["/bin/sh", "-c", self._SCRIPT],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
            bufsize=1,
        )

    def watch(self, child: Child) -> None:
        """End the program, too."""
        assert self._shell.stdin is not None  # noqa: S101  it is a pipe
        self._shell.stdin.write(f"{child.process.pid}\n")

    def leave(self) -> None:
        """End nothing any more."""
        self._shell.kill()
        self._shell.communicate()


class Told(Exception):  # noqa: N818  nothing went wrong
    """A signal asked for the end."""


class Children:
    """All programs. Leaving the context ends them one by one, the last one first.

    A signal is heard by `check` alone, so that none comes between the start of a program and its place here.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._all: list[Child] = []
        self._told = False
        self._guard = Guard()

    def start(self, name: str, command: Sequence[str], owner: Owner) -> None:
        """Start a program. Raises ClickException."""
        child = Child(name, command, self._logs / f"{name}.log", owner)
        self._all.append(child)
        self._guard.watch(child)

    def check(self) -> None:
        """Raise Told after a signal, and ClickException where a program has ended."""
        if self._told:
            raise Told
        for child in self._all:
            if child.process.poll() is not None:
                raise click.ClickException(child.last_words())

    def _tell(self, *_: object) -> None:
        self._told = True

    def __enter__(self) -> Self:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, self._tell)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in reversed(self._all):
            child.process.terminate()
            try:
                child.process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
        self._guard.leave()
