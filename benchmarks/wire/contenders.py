"""Who watches: this project's daemon, tcpdump and nDPI, each as it says itself what it saw and lost."""

import json
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from benchmarks.harness.measure import ChildFailedError
from benchmarks.harness.ours import native_missing
from benchmarks.wire.cable import WIRE, Cable, entered, inside
from benchmarks.wire.process import Running
from benchmarks.wire.scraping import Scraped, scrape
from monitor.config import RING_BYTES

ROOT = Path(__file__).resolve().parents[2]
RESIDENCY = str(Path(sys.executable).with_name("residency"))
READY_SECONDS = 30.0
_SETTLE_SECONDS = 60.0
_LOOK_SECONDS = 0.3
_QUIET_SECONDS = 6.0  # a disk that is slow may hold the loop, and its metrics, up
_GIVEN_UP_SECONDS = 20.0  # and what it still does not account for then, it never will
_LAST_BLOCK_SECONDS = 1.5  # libpcap hands over a block that is not full after a second
_KIBIBYTE = 1_024
USER = "nobody"


class Seen(msgspec.Struct, frozen=True):
    """Packets seen, and lost, null where it does not say. ``others`` is what it lost elsewhere."""

    packets: int
    lost: int | None
    others: dict[str, int] = {}


class Contender(Protocol):
    """A program to measure."""

    @property
    def title(self) -> str:
        """What the table calls it."""

    @property
    def missing(self) -> str:
        """Why it cannot run here; nothing where it can."""

    def start(self, cable: Cable, folder: Path) -> Running:
        """Start it; it is ready when it listens. ``folder`` is empty, and its own."""

    def settle(self, cable: Cable, running: Running, arrived: int) -> None:
        """Wait until what arrived is worked off."""

    def stop(self, cable: Cable, running: Running) -> Seen:
        """End it, and return what it says. Raises ChildFailedError."""


class Ours(NamedTuple):
    """The daemon, with one capture thread."""

    title: str
    snaplen: str = "auto"
    missing: str = native_missing()

    def start(self, cable: Cable, folder: Path) -> Running:
        """Start it, confined, as a user without rights."""
        folder.chmod(0o755)
        config = folder / "residency.yaml"
        config.write_text(json.dumps(configuration(folder, self.snaplen)))
        return Running(entered(cable.watching, RESIDENCY, "run", "--config", str(config)))

    def settle(self, cable: Cable, running: Running, arrived: int) -> None:
        """Wait until it says of every packet what became of it, or counted nothing new for a while."""
        await_settled(cable, running, arrived)

    def stop(self, cable: Cable, running: Running) -> Seen:
        """Ask for the numbers, then end it."""
        scraped = scrape(cable.watching)
        running.stop(signal.SIGTERM)
        return seen_by_us(scraped)


class Tcpdump(NamedTuple):
    """``tcpdump -w /dev/null``; ``buffer_bytes`` 0 is its own choice."""

    title: str
    buffer_bytes: int = 0
    missing: str = "" if shutil.which("tcpdump") else "not installed: apt-get install tcpdump"

    def start(self, cable: Cable, _folder: Path) -> Running:
        """Start it."""
        buffer = ("-B", str(self.buffer_bytes // _KIBIBYTE)) if self.buffer_bytes else ()
        command = ("tcpdump", "-i", WIRE, "-n", *buffer, "-w", "/dev/null")
        return Running(entered(cable.watching, *command))

    def settle(self, _cable: Cable, _running: Running, _arrived: int) -> None:
        """Wait for the last block."""
        time.sleep(_LAST_BLOCK_SECONDS)

    def stop(self, _cable: Cable, running: Running) -> Seen:
        """End it; it says then what it captured, and what the kernel dropped."""
        running.stop(signal.SIGINT)
        said = running.complained()
        return Seen(
            _number(r"(\d+) packets? captured", said), _number(r"(\d+) packets? dropped by ker", said)
        )


class Ndpi(NamedTuple):
    """``ndpiReader`` in the setting that is fair to it. It does not say what it lost."""

    title: str
    missing: str = "" if shutil.which("ndpiReader") else "not installed: apt-get install libndpi-bin"

    def start(self, cable: Cable, _folder: Path) -> Running:
        """Start it."""
        command = ("ndpiReader", "-i", WIRE, "-e", "0", "-C", "/dev/null")
        return Running(entered(cable.watching, *command))

    def settle(self, _cable: Cable, _running: Running, _arrived: int) -> None:
        """Wait for the last block."""
        time.sleep(_LAST_BLOCK_SECONDS)

    def stop(self, _cable: Cable, running: Running) -> Seen:
        """End it; it prints its report then."""
        running.stop(signal.SIGINT)
        return Seen(_number(r"IP packets:\s+\d+\s+of (\d+) packets", running.said()), None)


def contenders() -> list[Contender]:
    """Return all, in the order of the table."""
    return [
        Ours("residency run"),
        Ours("residency run, snaplen full", "full"),
        Tcpdump("tcpdump -w /dev/null"),
        Tcpdump(f"tcpdump, buffer {RING_BYTES >> 20} MiB as ours", RING_BYTES),
        Ndpi("nDPI: ndpiReader -e 0 -C"),
    ]


def configuration(folder: Path, snaplen: str = "auto") -> dict[str, object]:
    """Return what the daemon is told: the example policy, its own folder, all else as it comes."""
    return {
        "version": 1,
        "policy": str(ROOT / "policies" / "eu-crm.yaml"),
        "capture": {"interfaces": [WIRE], "engine": "native", "snaplen": snaplen},
        "ledger": {"folder": str(folder / "ledger"), "key": str(folder / "keys" / "ledger.key")},
        "state": str(folder / "state"),
        "security": {"user": USER},
    }


def await_listening(cable: Cable, running: Running) -> None:
    """Wait until a program has a packet socket that hears the wire. Raises ChildFailedError."""
    end = time.monotonic() + READY_SECONDS
    while not _hears(inside(cable.watching, "cat", "/proc/net/packet")):
        running.check(end)
        time.sleep(_LOOK_SECONDS)


def _hears(packet_sockets: str) -> bool:
    """Say whether one of the kernel's table is bound to an interface, and runs."""
    head, *rows = (line.split() for line in packet_sockets.splitlines())
    interface, runs = head.index("Iface"), head.index("R")
    return any(row[interface] != "0" and row[runs] == "1" for row in rows)


def await_scraped(
    cable: Cable, running: Running, is_so: Callable[[Scraped], bool], seconds: float
) -> Scraped:
    """Ask for the daemon's metrics until they are so. Raises ChildFailedError."""
    end = time.monotonic() + seconds
    while True:
        try:
            scraped = scrape(cable.watching)
        except OSError:
            scraped = Scraped({})
        if is_so(scraped):
            return scraped
        running.check(end)
        time.sleep(_LOOK_SECONDS)


def await_settled(cable: Cable, running: Running, arrived: int | None = None) -> Scraped:
    """Wait until nothing waits in the daemon, and it accounts for all that arrived.

    Where that is not known, or never becomes so, wait until it counted nothing new for a while. It may be 2 s
    until it tells of a packet: a second until its thread does, and one until the metrics do.
    """
    last: list[tuple[float, Seen]] = []
    quiet_seconds = _QUIET_SECONDS if arrived is None else _GIVEN_UP_SECONDS

    def is_settled(scraped: Scraped) -> bool:
        now, state = time.monotonic(), seen_by_us(scraped)
        if scraped.total("residency_queue_observations") or not last or last[0][1] != state:
            last[:] = [(now, state)]
            return False
        accounted = state.packets + (state.lost or 0)
        return accounted == arrived or now - last[0][0] > quiet_seconds

    return await_scraped(cable, running, is_settled, _SETTLE_SECONDS)


def seen_by_us(scraped: Scraped) -> Seen:
    """Return what the daemon's metrics say of packets."""
    others = scraped.by_reason("residency_lost_packets_total")
    lost = others.pop("ring", 0)
    return Seen(scraped.total("residency_packets_total"), lost, others)


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    if found is None:
        raise ChildFailedError(f"it does not say what it saw: {text.strip()[-200:]!r}")
    return int(found[1])
