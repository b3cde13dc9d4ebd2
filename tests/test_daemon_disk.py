"""A disk that fills up, and turns read-only, under a daemon that goes on."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon_kit import DEMO, USER, Daemon, daemon, records, run, total, wait_for, wire

pytestmark = pytest.mark.enable_socket
COUNT = len(records(DEMO))
DISK_BYTES = 2_097_152


@pytest.fixture
def live() -> Iterator[Daemon]:
    """A daemon whose ledger goes to a small disk, in a mount namespace of its own."""
    yield from _on_a_disk("")


@pytest.fixture
def read_only() -> Iterator[Daemon]:
    """The same, and the disk is read-only."""
    yield from _on_a_disk("ro,")


def _on_a_disk(options: str) -> Iterator[Daemon]:
    with wire() as lane, daemon(lane) as made:
        disk = made.folder / "disk"
        disk.mkdir()
        made.configure(ledger={"folder": str(disk / "ledger"), "key": str(made.folder / "keys/ledger.key")})
        # made beforehand, as nothing can be where all is read-only
        mount = (
            'mount -t tmpfs -o "size=$0" tmpfs "$1"'
            ' && install -d -o "$2" "$1/ledger" && install -o "$2" /dev/null "$1/ledger/.lock"'
            ' && mount -o "remount,$3size=$0" "$1" && shift 3 && exec "$@"'
        )
        words = (str(DISK_BYTES), str(disk), USER, options)
        made.start("unshare", "--mount", "sh", "-c", mount, *words, *made.command)
        held = os.open(f"/proc/{made.process.pid}/root{disk}", os.O_RDONLY | os.O_DIRECTORY)
        made.ledger = Path(f"/proc/self/fd/{held}/ledger")  # also once the process is gone, and its mounts
        yield made
        os.close(held)


def disk_of(live: Daemon) -> Path:
    return live.ledger.parent


def traffic(live: Daemon, times: int = 1) -> None:
    live.wire.send(DEMO, "--topspeed", "--loop", str(times))


def remount(live: Daemon, how: str) -> None:
    inside = ["nsenter", f"--mount=/proc/{live.process.pid}/ns/mnt"]
    run(*inside, "mount", "-o", f"remount,{how}", str(live.folder / "disk"))


def fill(path: Path) -> None:
    with path.open("wb", 0) as file:
        try:
            while True:
                file.write(b"x" * 1_024)
        except OSError:
            pass


def test_a_full_disk(live: Daemon) -> None:
    traffic(live)
    live.wait_packets(COUNT)
    wait_for(lambda: any(live.ledger.glob("acme/payloads/violation/*.jsonl")), "violations")
    fill(disk_of(live) / "filler")
    traffic(live, 3)
    live.wait_packets(4 * COUNT)
    waiting = live.wait_log("decisions wait")
    assert "make room" in waiting["problem"]
    assert live.get("/readyz")[0] == 200
    live.tell(10)
    status = live.wait_log("status")
    assert status["waiting"] > 0
    assert status["packets"] == 4 * COUNT
    (disk_of(live) / "filler").unlink()
    live.wait_log("decisions are written again")
    assert len(live.said("decisions wait")) == 1
    samples = live.samples()
    assert total(samples, "residency_unwritten_decisions_total") == 0
    lines = live.lines()
    assert len([each for each in lines if each.is_open]) > 0
    decided = total(samples, "residency_decisions_total")
    assert len([each for each in lines if not each.is_open]) >= decided > 0
    assert live.end() == 0


def test_a_disk_that_is_read_only_for_a_time(read_only: Daemon) -> None:
    live = read_only
    traffic(live)
    live.wait_packets(COUNT)
    assert "mount it writable" in live.wait_log("decisions wait")["problem"]
    assert live.lines() == []
    remount(live, "rw")
    live.wait_log("decisions are written again")
    verdicts = live.metric("residency_verdicts_total")
    assert verdicts > 0
    wait_for(lambda: len(live.lines()) >= verdicts, "every verdict in the ledger")
    assert live.end() == 0
    (stopped,) = live.said("stopped")
    assert (stopped["unwritten"], stopped["waiting"]) == (0, 0)


def test_what_could_not_be_written_at_the_end_is_said(read_only: Daemon) -> None:
    live = read_only
    traffic(live)
    live.wait_packets(COUNT)
    live.wait_log("decisions wait")
    assert live.end() == 0
    (stopped,) = live.said("stopped")
    assert stopped["waiting"] > stopped["to_llms"] > 0


def test_a_full_disk_at_the_start_is_no_hindrance() -> None:
    with wire() as lane, daemon(lane) as made:
        disk = made.folder / "disk"
        disk.mkdir()
        made.configure(ledger={"folder": str(disk / "ledger"), "key": str(made.folder / "keys/ledger.key")})
        full = 'mount -t tmpfs -o size=64k,mode=0777 tmpfs "$0"; cat /dev/zero >"$0/filler" 2>/dev/null'
        made.start("unshare", "--mount", "sh", "-c", f'{full}; exec "$@"', str(disk), *made.command)
        lane.send(DEMO, "--topspeed")
        made.wait_packets(COUNT)
        made.wait_log("decisions wait")
        assert made.end() == 0
