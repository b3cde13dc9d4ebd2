"""The whole line on disks that fill up, and turn read-only, each in turn: run by test_line_rounds.py.

Run as root in a mount namespace of its own (`unshare -m`). Prints what was said of each trouble as JSON.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from monitor.daemon.opening import open_recorder
from monitor.daemon.recorder import Recorder
from monitor.logs import start_logging
from tests.courier_kit import Courier, Handler, Server, keys_in, serving, taken, wait_for
from tests.line_children import World
from tests.line_judged import Ledgers, judge
from tests.line_rounds import is_whole

PLACES = {"ledger": "24m", "state": "16m", "sink": "4m"}


class Disks:
    """A line at work, whose ledger, state and sink are on a disk each."""

    def __init__(self, folder: Path, server: Server, recorder: Recorder, world: World) -> None:
        self.said: dict[str, str] = {}
        self.handed = 0
        self.folder, self.server, self.recorder, self.world = folder, server, recorder, world
        self.courier = Courier(world.config, folder / "deliver.log")

    def hand_over(self, count: int = 10) -> None:
        for number in range(self.handed, self.handed + count):
            self.recorder.decided(self.world.decision(number), None, time.time_ns())
        self.handed += count

    def hand_over_until(self, look: Callable[[], str | None], what: str) -> None:
        """Go on until something is said, and note it."""
        for _ in range(200):
            self.hand_over()
            time.sleep(0.02)
            if found := look():
                self.said[what] = found.replace(f"{self.folder}/", "")
                return
        raise AssertionError(what)

    def problem(self) -> str | None:
        return self.recorder.look().problem

    def complaint(self, event: str, sink: str) -> Callable[[], str | None]:
        """Return what looks for a line of the courier's log that is new."""
        before = len(self.courier.said(event))

        def look() -> str | None:
            found = [each for each in self.courier.said(event)[before:] if each["sink"] == sink]
            return str(found[-1]["reason"]) if found else None

        return look

    def all_is_well(self) -> None:
        """Have all that was handed over come to both sinks, by itself."""
        self.recorder.drain(15)
        wait_for(lambda: self.problem() is None, f"the recorder: {self.problem()}")
        wanted = set(Ledgers(self.world, is_at_work=True).changes)
        file = self.world.file
        wait_for(lambda: wanted <= set(self.server.keys), "the webhook", 0.05)
        wait_for(lambda: wanted <= set(keys_in(file)), "the file", 0.05)


@contextmanager
def full(place: Path) -> Iterator[None]:
    """Have no room left."""
    filler = place / "filler"
    with filler.open("wb", 0) as file:
        for size in (4_096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue
    yield
    filler.unlink()


@contextmanager
def read_only(place: Path) -> Iterator[None]:
    """Have nothing opened to write: not the disk is read-only, for files are open, but this way to it."""
    mount("--bind", str(place), str(place))
    mount("-o", "remount,bind,ro", str(place))
    yield
    mount("-o", "remount,bind,rw", str(place))


def mount(*options: str) -> None:
    subprocess.run(["mount", *options], check=True)  # noqa: S607


def run(line: Disks) -> None:
    """Have each trouble in turn, and each pass."""
    folder = line.folder
    line.hand_over(40)
    line.all_is_well()
    for trouble in (full, read_only):
        for place in ("ledger", "state"):
            with trouble(folder / place):
                line.hand_over_until(line.problem, f"{trouble.__name__} {place}")
            line.all_is_well()
        _while_it_delivers(line, trouble)
        line.all_is_well()
        line.courier.end()
        with trouble(folder / "sink"):
            line.courier = Courier(line.world.config, folder / "deliver.log")
            look = line.complaint("a sink did not take events", "file")
            line.hand_over_until(look, f"{trouble.__name__} sink")
        line.all_is_well()


def _while_it_delivers(line: Disks, trouble: Callable[[Path], AbstractContextManager[None]]) -> None:
    """Have the courier's database fail behind a delivery."""
    begun, may = threading.Event(), threading.Event()

    def wait(handler: Handler) -> None:
        begun.set()
        may.wait(10)
        taken(handler)

    look = line.complaint("the courier's database failed", "hook")
    line.server.answers = [wait]
    line.hand_over(30)
    assert begun.wait(30)  # it comes at once, but on a machine that is busy
    line.recorder.drain(10)
    with trouble(line.folder / "state"):
        may.set()
        wait_for(lambda: look() is not None, "the courier's log")
        line.said[f"{trouble.__name__} delivery"] = (look() or "").replace(f"{line.folder}/", "")


def main() -> None:
    """Set all up, and judge it when all is done."""
    folder = Path(sys.argv[1])
    for place, size in PLACES.items():
        (folder / place).mkdir()
        mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder / place))
    log = start_logging("error", "json", 2, time.monotonic_ns, "").log
    with serving(Server()) as server, ExitStack() as stack:
        url = f"http://127.0.0.1:{server.server_port}/"
        hook: dict[str, object] = {"type": "webhook", "name": "hook", "url": url}
        file = folder / "sink/file.jsonl"
        world = World(
            folder, {"type": "jsonl", "name": "file", "path": str(file)}, hook, base_ns=time.time_ns()
        )
        world.file = file
        recorder = open_recorder(world.settings, world.knowledge, log, stack)
        recorder.start()
        line = Disks(folder, server, recorder, world)
        try:
            run(line)
            recorder.close(5)
            recorder.release()
            stack.pop_all()
            wait_for(lambda: line.courier.end() == 0, "the courier's end")
        finally:
            line.courier.end()
        bodies = [each.body for each in server.requests if is_whole(each)]
        judged = judge(world, range(line.handed), bodies)
        assert "Traceback" not in (folder / "deliver.log").read_text("utf-8")
    print(json.dumps({"said": line.said, "figures": judged}))  # noqa: T201


if __name__ == "__main__":
    main()
