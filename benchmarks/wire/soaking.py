"""The daemon's memory over a time in which connections come and go: phases of traffic, samples of each."""

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.harness.measure import ChildFailedError
from benchmarks.wire import sending
from benchmarks.wire.cable import Cable
from benchmarks.wire.contenders import Ours, Seen, await_listening, await_settled
from benchmarks.wire.process import Running, last_words, usage
from benchmarks.wire.scraping import Scraped, scrape

SAMPLE_SECONDS = 5.0


class Phase(NamedTuple):
    """What is sent, and for how long. ``name`` is the same for phases that are compared."""

    name: str
    capture: Path
    rate: float
    seconds: float


class Sample(msgspec.Struct, frozen=True):
    """The daemon at a time, in seconds from the start of its phase."""

    seconds: float
    resident_bytes: int
    flows: int
    queued: int


class Phased(msgspec.Struct, frozen=True):
    """One phase: what was sent, and the samples of it."""

    name: str
    sent: sending.Sent
    samples: list[Sample]


class Soak(msgspec.Struct, frozen=True):
    """All phases, and what the daemon counted in them."""

    phases: list[Phased]
    arrived: int  # of what was sent; the rest found the kernel's backlog full, and nobody sees it
    seen: Seen
    cpu_seconds: float
    peak_bytes: int
    counters: dict[str, dict[str, int]]

    @property
    def sent(self) -> int:
        """Packets that were sent."""
        return sum(phase.sent.packets for phase in self.phases)

    @property
    def closes(self) -> bool:
        """Whether what arrived is what was seen and lost."""
        return self.arrived == self.seen.packets + (self.seen.lost or 0)


def flatness(samples: Sequence[Sample]) -> float:
    """Return how far memory went from its median: the span over the median."""
    sizes = [sample.resident_bytes for sample in samples]
    return (max(sizes) - min(sizes)) / statistics.median(sizes) if sizes else 0.0


def soak(cable: Cable, phases: Sequence[Phase], every_seconds: float = SAMPLE_SECONDS) -> Soak:
    """Run the daemon through all phases. Raises ChildFailedError."""
    with tempfile.TemporaryDirectory() as folder:
        contender = Ours("soak")
        with contender.start(cable, Path(folder)) as running:
            await_listening(cable, running)
            before = cable.arrived()
            done = [_phased(cable, running, phase, every_seconds) for phase in phases]
            scraped = await_settled(cable, running)
            spent, arrived = usage(running.pid), cable.arrived() - before
            seen = contender.stop(cable, running)
    return Soak(done, arrived, seen, spent.cpu_seconds, spent.peak_bytes, _counters(scraped))


def _phased(cable: Cable, running: Running, phase: Phase, every_seconds: float) -> Phased:
    with sending.start(cable, phase.capture, phase.rate, phase.seconds) as sender:
        samples = list(_samples(cable, (running, sender), every_seconds))
        return Phased(phase.name, sending.finish(sender, phase.seconds), samples)


def _samples(cable: Cable, both: tuple[Running, Running], every_seconds: float) -> Iterator[Sample]:
    """Look at the daemon again and again, until the sender is done."""
    running, sender = both
    started = time.monotonic()
    number = 0
    while not sender.is_over():
        if running.is_over():
            raise ChildFailedError(f"the daemon ended: {last_words(running.complained())}")
        number += 1
        time.sleep(max(0.0, started + number * every_seconds - time.monotonic()))
        scraped = scrape(cable.watching)
        yield Sample(
            time.monotonic() - started,
            usage(running.pid).resident_bytes,
            scraped.total("residency_flow_table_flows"),
            scraped.total("residency_queue_observations"),
        )


def _counters(scraped: Scraped) -> dict[str, dict[str, int]]:
    """Return what is worth a look at the end."""
    names = ("residency_connections_total", "residency_lost_packets_total", "residency_sensor_events_total")
    return {name: scraped.by_reason(name) for name in names}
