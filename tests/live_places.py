"""Network namespaces, and the programs that run in them: started by name, awaited, ended by their pid.

A program dies with the tests that started it, whatever becomes of them.
"""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

_POLL_SECONDS = 0.01
_PATIENCE_SECONDS = 20.0


class Place(NamedTuple):
    """A network namespace by its name."""

    name: str

    def ip(self, script: str, family: str = "-0") -> None:
        """Run a script of `ip`, one command a line; ``family`` is -4 or -6 where the words do not tell."""
        options = () if family == "-0" else (family,)
        run("ip", *options, "-n", self.name, "-batch", "-", stdin=script)

    def run(self, *command: str | Path) -> str:
        """Return what a program here says."""
        return run(*self._inside(command))

    def start(self, log: Path, *command: str | Path) -> "Program":
        """Start a program here, which goes on; ``log`` gets all that it says."""
        return Program(log, *self._inside(command))

    def _inside(self, command: tuple[str | Path, ...]) -> list[str | Path]:
        return ["setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec", self.name, *command]


class Program:
    """A program that runs, and what it said so far."""

    def __init__(self, log: Path, *command: str | Path) -> None:
        self._log, self._command = log, command
        with log.open("wb") as out:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def status(self) -> int | None:
        """The exit status, once it ended: negative for a signal."""
        return self._process.poll()

    def said(self) -> str:
        """Return its output and errors up to now."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, done: Callable[[], bool], what: str, seconds: float = _PATIENCE_SECONDS) -> None:
        """Wait until something is so; fail when the program ended or the time is over."""
        wait_for(lambda: done() or self.status is not None, f"{what}, but: {self.said()}", seconds)
        assert done(), f"{self._command} ended with {self.status} before {what}: {self.said()}"

    def stop(self, sign: signal.Signals = signal.SIGTERM, seconds: float = _PATIENCE_SECONDS) -> int:
        """Ask it to end, and return its exit status; one that does not end in time is killed."""
        if self.status is None:
            self._process.send_signal(sign)
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait(seconds)


def run(*command: str | Path, stdin: str = "", statuses: tuple[int, ...] = (0,)) -> str:
    """Return what a program says; its error text is in the failure."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in statuses, (
        f"{command} ended with {done.returncode}: {done.stderr or done.stdout}"
    )
    return done.stdout


def wait_for(done: Callable[[], bool], what: str, seconds: float = _PATIENCE_SECONDS) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"after {seconds} s still waiting for {what}"
        time.sleep(_POLL_SECONDS)


def absent(*programs: str) -> str:
    """Return which programs are not here, or that no namespace can be made; else nothing."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        return f"not installed: {', '.join(missing)}; see: make programs"
    probe = subprocess.run(["unshare", "--net", "true"], capture_output=True, text=True, check=False)  # noqa: S607
    return f"no network namespace can be made here: {probe.stderr.strip()}" if probe.returncode else ""
