"""The stack of `make stack` as a real process, on ports that are free, and the processes below it."""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.sinks_kit import until
from tools.stack.places import UNPRIVILEGED

ROOT = Path(__file__).parents[1]
END_SECONDS = 20
MISSING = [each for each in ("prometheus", "prometheus-alertmanager") if shutil.which(each) is None]
needs_stack = pytest.mark.skipif(bool(MISSING), reason=f"not here: {', '.join(MISSING)}: make programs")


class Stack:
    """The stack in a folder of its own, where it is ready."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "output"
        options = ["--folder", str(folder), "--port-base", "0", "--scrape-seconds", "1", "--lap-seconds", "5"]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tools.stack", *options], cwd=ROOT, stdout=output, stderr=output
            )

    @property
    def addresses(self) -> dict[str, str]:
        """Return the address of each part."""
        found: dict[str, str] = json.loads((self.folder / "addresses.json").read_text())
        return found

    def is_ready(self) -> bool:
        """Whether it says so. Fail where it ended instead."""
        assert self.process.poll() is None, self.output.read_text()
        return "Ctrl-C ends it" in self.output.read_text()

    def children(self) -> dict[int, str]:
        """Return the processes that it started, by their ids, with their commands."""
        pid = self.process.pid
        ids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return {int(each): Path(f"/proc/{each}/cmdline").read_text().replace("\0", " ") for each in ids}

    def end(self, number: int = signal.SIGINT) -> int:
        """Send it a signal; return how it ended."""
        self.process.send_signal(number)
        return self.process.wait(END_SECONDS)


@contextmanager
def running_stack() -> Iterator[Stack]:
    """Run the stack; nothing of it is left, nor of its folder, which whom it becomes may enter."""
    folder = Path(tempfile.mkdtemp(prefix="residency-stack-", dir="/tmp"))
    folder.chmod(0o755)
    stack = Stack(folder)
    try:
        until(stack.is_ready, "the stack is ready")
        yield stack
    finally:
        if stack.process.poll() is None:
            stack.end(signal.SIGTERM)
        shutil.rmtree(folder)


def is_there(pid: int) -> bool:
    """Whether a process lives; one that only waits to be asked how it ended does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def runs_as(pid: int) -> str:
    """Return whom a process runs as."""
    return pwd.getpwuid(Path(f"/proc/{pid}").stat().st_uid).pw_name


def expected_user() -> str:
    """Return whom the programs have to run as."""
    return UNPRIVILEGED if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
