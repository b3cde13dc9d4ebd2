"""A recorder of a fleet in a process of its own: `python -m tests.fleet_children ADDRESSES TOPIC ROOT`."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import structlog

from monitor.fleet.recording.stage import Stage
from monitor.metrics.fleet import Kept
from monitor.metrics.recorded_sums import RecordedSums
from tests.fleet_kit import ROOT, knowledge, plan

SESSION_MS = 2_000  # after which the group does without a member that was killed


class Recorder:
    """The process, which may be killed and started again."""

    def __init__(self, where: tuple[str, str], folder: Path, log: Path, around: tuple[str, ...] = ()) -> None:
        self.log = log
        command = [sys.executable, "-m", "tests.fleet_children", *where, str(folder)]
        with log.open("ab") as file:
            self.process = subprocess.Popen([*around, *command], cwd=ROOT, stdout=file, stderr=file)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Have it end in order."""
        self.process.terminate()
        assert self.process.wait(30) == 0, self.log.read_text("utf-8")


@contextmanager
def recorder(
    where: tuple[str, str], folder: Path, name: str = "a", around: tuple[str, ...] = ()
) -> Iterator[Recorder]:
    """Run one, until the end. ``where`` are brokers and topic."""
    made = Recorder(where, folder, folder.parent / f"{name}.log", around)
    try:
        yield made
    finally:
        if made.process.poll() is None:
            made.kill()


def main(addresses: str, topic: str, folder: Path) -> None:
    """Record until SIGTERM."""
    ended: list[int] = []

    def end(number: int, _frame: FrameType | None) -> None:
        ended.append(number)

    signal.signal(signal.SIGTERM, end)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    kafka = {"bootstrap.servers": addresses, "session.timeout.ms": SESSION_MS, "heartbeat.interval.ms": 300}
    counts = Kept(), RecordedSums()
    stage = Stage(plan(folder, kafka=kafka, topic=topic), knowledge(), structlog.get_logger(), counts)
    while not ended:
        stage.turn()
    stage.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
