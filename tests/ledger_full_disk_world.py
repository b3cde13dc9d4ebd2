"""A ledger on a disk of its own that fills up, turns read-only, and goes away: run by test_ledger_disk.py.

Run as root in a mount namespace of its own (`unshare -m`). Prints what happened as JSON.
"""

import json
import subprocess
import sys
from pathlib import Path

from monitor.files import InputError
from monitor.ledger import writer as writer_module
from monitor.ledger.days import DAY_NS
from tests.records_kit import NOW_NS, check, numbers, record, writer

BATCH = 20
OLD_DAY = "2026-02-01"


class World:
    """The disk and the ledger on it; ``facts`` is what became of appends, by stage."""

    def __init__(self, disk: Path) -> None:
        writer_module.JOURNAL_BYTES = 40_000
        self.disk = disk
        self.mount("-t", "tmpfs", "-o", "size=400k", "tmpfs")
        self.ledger = writer(disk / "acme")
        self.facts: dict[str, dict[str, object]] = {}

    def mount(self, *options: str) -> None:
        subprocess.run(["mount", *options, str(self.disk)], check=True)  # noqa: S607

    def stage(self, name: str, batches: int) -> None:
        """Try so many appends; note what happened, and that a reader gets what was acknowledged."""
        refused, why = 0, set()
        for _ in range(batches):
            size = self.ledger.size
            day = OLD_DAY if size < 5 * BATCH else "2026-03-10"
            try:
                self.ledger.append([record(size + at, "allow", day, padding=200) for at in range(BATCH)])
            except OSError as error:
                refused += 1
                why.add(str(error.strerror))
                assert self.ledger.size == size
        found = numbers(self.disk / "acme")
        check(self.disk / "acme")
        self.facts[name] = {
            "size": self.ledger.size,
            "read": len(found),
            "in_order": found
            in (list(range(len(found))), [*[None] * 5 * BATCH, *range(5 * BATCH, len(found))]),
            "refused": refused,
            "why": sorted(why),
            "waits": self.ledger.problem is not None,
        }


def main() -> None:
    world = World(Path(sys.argv[1]))
    world.stage("healthy", 10)
    world.stage("full", 100)
    (world.disk / "acme" / "payloads" / "allow" / f"{OLD_DAY}.jsonl").unlink()  # somebody makes room
    world.stage("room again", 1)
    world.mount("-o", "remount,size=4m")
    world.stage("larger", 10)
    world.ledger.sync()
    world.mount("-o", "remount,ro")
    world.stage("read-only", 3)
    try:
        world.ledger.expire(NOW_NS + DAY_NS, lambda _: 0)
    except OSError as error:
        world.facts["read-only"]["expire"] = error.strerror
    world.ledger.close()
    world.ledger = writer(world.disk / "acme")  # nothing is to be repaired
    world.mount("-o", "remount,rw")
    world.stage("writable again", 3)
    world.ledger._journal.close()  # noqa: SLF001  killed
    world.mount("-o", "remount,ro")
    try:
        writer(world.disk / "acme")
    except InputError as error:
        world.facts["read-only"]["repair"] = f"{error.problem}; {error.mend}"
    print(json.dumps(world.facts))


if __name__ == "__main__":
    main()
