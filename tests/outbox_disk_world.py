"""An outbox on a disk of its own that fills up, and empties: run by test_outbox_disk.py.

Run as root in a mount namespace of its own (`unshare -m`). Prints what happened as JSON.
"""

import json
import subprocess
import sys
from pathlib import Path

from monitor.outbox.schema import OutboxError
from tests.outbox_kit import events, finding, opened, queue


def main() -> None:
    """Have the disk fill up and empty again."""
    disk = Path(sys.argv[1])
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=True)  # noqa: S607
    outbox = opened(disk / "state", 10_000)
    outbox.commit([finding(number) for number in range(20)], events(0, 20), {"acme": 20})
    told: dict[str, object] = {"before": len(queue(disk / "state"))}
    filler = disk / "filler"
    with filler.open("wb", 0) as file:
        try:
            while True:
                file.write(b"x" * 4_096)
        except OSError:
            pass
    problems = []
    for number in range(3):
        try:
            outbox.commit([finding(50 + number)], events(50, 200), {"acme": 250})
        except OutboxError as error:
            problems.append(str(error))
    found, position = outbox.load()
    told["full"] = {"problems": problems, "findings": len(found), "position": position}
    told["full queue"] = len(queue(disk / "state"))
    told["failures"] = outbox.counters().failures
    told["put"] = outbox.counters().put
    filler.unlink()
    outbox.commit([finding(50)], events(50, 50), {"acme": 100})
    found, position = outbox.load()
    told["room again"] = {"findings": len(found), "position": position, "waiting": outbox.waiting}
    outbox.close()
    told["queue"] = len(queue(disk / "state"))
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main()
