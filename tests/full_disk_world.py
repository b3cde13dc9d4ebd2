"""A store on a disk of its own that fills up, turns read-only, and goes away: run by test_decision_disk.py.

Run as root in a mount namespace of its own (`unshare -m`). Prints what happened as JSON.
"""

import json
import subprocess
import sys
from pathlib import Path

from monitor.config import Retention
from monitor.ledger.days import DAY_NS, SECOND_NS
from monitor.daemon.decisions import DecisionStore, Writing
from monitor.types import Outcome
from tests.store_kit import NOW_NS, decision, ports, stored

BACKLOG_BYTES = 20_000
OUTCOMES: tuple[Outcome, ...] = ("violation", "indeterminate", "allow")


class World:
    """The disk, the store on it, and a clock that goes on by a second."""

    def __init__(self, disk: Path) -> None:
        self.disk = disk
        self.mount("-t", "tmpfs", "-o", "size=128k", "tmpfs")
        self.store = DecisionStore(
            disk / "decisions", Retention(), NOW_NS, Writing("edge", "all", BACKLOG_BYTES)
        )
        self.now_ns = NOW_NS
        self.made = 0

    def mount(self, *options: str) -> None:
        subprocess.run(["mount", *options, str(self.disk)], check=True)  # noqa: S607

    def second(self, each: int = 10) -> None:
        """Decide some of each outcome, in a second."""
        for _ in range(each):
            self.made += 1
            for outcome in OUTCOMES:
                self.store.add(decision(outcome, port=self.made))
        self.now_ns += SECOND_NS
        self.store.flush(self.now_ns)

    def facts(self) -> dict[str, object]:
        counters = self.store.counters()
        stands = stored(self.disk / "decisions")  # asserts that every line is whole
        return {
            "made": self.made,
            "problem": self.store.problem,
            "written": counters.written,
            "waiting": counters.waiting,
            "unwritten": counters.unwritten,
            "stands": {each: len(ports(self.disk / "decisions", each)) for each in OUTCOMES},
            "twice": any(
                len(set(found)) < len(found)
                for found in (ports(self.disk / "decisions", each) for each in OUTCOMES)
            ),
            "files": len(stands),
            "expire_failures": counters.expire_failures,
        }


def main() -> None:
    """Have the disk fail in three ways, and come back."""
    world = World(Path(sys.argv[1]))
    told = {}
    world.second()
    told["healthy"] = world.facts()
    filler = world.disk / "filler"
    with filler.open("wb", 0) as file:
        try:
            while True:
                file.write(b"x" * 4_096)
        except OSError:
            pass
    for _ in range(30):
        world.second()
    told["full"] = world.facts()
    filler.unlink()
    world.second(0)
    told["room again"] = world.facts()
    world.mount("-o", "remount,ro")
    world.second(8)
    world.store.expire(world.now_ns + 400 * DAY_NS)
    told["read-only"] = world.facts()
    world.mount("-o", "remount,rw")
    world.second(0)
    told["writable again"] = world.facts()
    world.store.close()
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main()
