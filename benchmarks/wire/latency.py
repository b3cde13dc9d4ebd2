"""How soon the daemon's verdict is there at a given rate: after the hello, and before the client's data.

What is replayed has data right behind the hello, as nobody waits for an answer. So leads are measured with
real clients, beside background traffic that has no LLM connections of its own.
"""

import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.wire import sending
from benchmarks.wire.cable import Cable, entered
from benchmarks.wire.contenders import Ours, await_listening, await_settled
from benchmarks.wire.process import Running
from benchmarks.wire.scraping import Between, Histogram, Scraped
from benchmarks.wire.trial import Load

LATENCY = "residency_verdict_latency_seconds"
LEAD = "residency_verdict_lead_seconds"
LATE = "residency_late_verdicts_total"
GOAL_SECONDS = 0.005  # 99 of 100 verdicts within that
_SCRIPT = str(Path(__file__).with_name("tls_pair.py"))
_NAME = "api.openai.com"
_MARGIN_SECONDS = 15.0


class Clients(NamedTuple):
    """Real clients: how far their server seems, and how often one comes."""

    rtt_seconds: float
    every_seconds: float = 0.02


class Latency(msgspec.Struct, frozen=True):
    """Verdicts on the connections of a time. Quantiles are between two bounds of the daemon's histogram.

    ``in_time`` are those before the client's first data, ``late`` those after; some clients send none.
    """

    rate: float
    verdicts: int
    p50: Between | None
    p99: Between | None
    share_within_goal: float
    in_time: int
    late: int
    lost: int
    connections: int | None  # of real clients
    histogram: Histogram
    leads: Histogram

    @property
    def share_in_time(self) -> float | None:
        """The share of verdicts that came before the data."""
        both = self.in_time + self.late
        return self.in_time / both if both else None


def measure(cable: Cable, load: Load, clients: Clients | None = None) -> Latency:
    """Run the daemon while packets are sent, and clients come if asked for. Raises ChildFailedError."""
    with tempfile.TemporaryDirectory() as name, Ours("latency").start(cable, Path(name)) as running:
        await_listening(cable, running)
        before = await_settled(cable, running)
        if clients is None:
            sent, connections = sending.send(cable, load.capture, load.rate, load.seconds), None
        else:
            sent, connections = _with_clients(cable, load, clients, Path(name))
        after = await_settled(cable, running)
    return _latency(sent.rate, before, after, connections)


def _with_clients(cable: Cable, load: Load, clients: Clients, folder: Path) -> tuple[sending.Sent, int]:
    serve = (sys.executable, _SCRIPT, "server", str(folder), str(clients.rtt_seconds))
    come = (sys.executable, _SCRIPT, "client", _NAME, str(clients.every_seconds), str(load.seconds))
    with (
        Running(entered(cable.sending, *serve)),
        sending.start(cable, load.capture, load.rate, load.seconds) as sender,
        Running(entered(cable.watching, *come)) as client,
    ):
        sent = sending.finish(sender, load.seconds)
        client.await_end(_MARGIN_SECONDS)
        return sent, int(client.said() or 0)


def _latency(rate: float, before: Scraped, after: Scraped, connections: int | None) -> Latency:
    histogram = after.histogram(LATENCY).since(before.histogram(LATENCY))
    leads = after.histogram(LEAD).since(before.histogram(LEAD))
    return Latency(
        rate=rate,
        verdicts=histogram.total,
        p50=histogram.quantile(0.5),
        p99=histogram.quantile(0.99),
        share_within_goal=histogram.share_up_to(GOAL_SECONDS),
        in_time=leads.total,
        late=after.total(LATE) - before.total(LATE),
        lost=after.total("residency_lost_packets_total") - before.total("residency_lost_packets_total"),
        connections=connections,
        histogram=histogram,
        leads=leads,
    )
