"""The latency premium: how long the sovereign endpoints of each provider take to answer, against all others.

A figure, not a finding. Inside is what has its place, or its entry, inside the set asked for, on its day.
What the evidence leaves open is on neither side; a connection through a proxy measures the way to the proxy.
"""

import datetime as dt
from functools import lru_cache
from typing import Literal

import msgspec

from monitor.behaviours.histogram import Histogram
from monitor.policy.items import day_of
from monitor.policy.places import Position, Territory, is_contradicted, locate_inside
from monitor.policy.section import Latency
from monitor.types import Attribution, Decision

CACHE = 4_096
Side = Literal["sovereign", "others"]
_SIDES: dict[Position, Side] = {
    "inside": "sovereign",
    "entry": "sovereign",
    "outside": "others",
    "global": "others",
    "operator": "others",
    "storage": "others",
}


class Median(msgspec.Struct, frozen=True):
    """The median of what was measured; null where nothing was."""

    measured: int
    median_ns: int | None


class LatencySide(msgspec.Struct, frozen=True):
    """How long one side's endpoints took: SYN to SYN-ACK, and the client's first byte to the server's."""

    connections: int
    handshake_rtt: Median
    first_byte: Median


class LatencyRow(msgspec.Struct, frozen=True):
    """One provider, or all together (null). A premium is sovereign less others, where both suffice."""

    provider: str | None
    sovereign: LatencySide
    others: LatencySide
    handshake_rtt_premium_ns: int | None
    first_byte_premium_ns: int | None


class LatencyReport(msgspec.Struct, frozen=True):
    """The rows, all providers together first, and what was on neither side."""

    sovereign: tuple[str, ...]
    minimum_connections: int
    rows: tuple[LatencyRow, ...]
    left_open: int
    through_proxy: int


class _Times:
    """What was measured of one provider on one side."""

    def __init__(self) -> None:
        self.connections = 0
        self.handshake = Histogram()
        self.first_byte = Histogram()

    def add(self, decision: Decision) -> None:
        totals = decision.connection.totals
        self.connections += 1
        if totals.handshake_rtt_ns is not None:
            self.handshake.add(totals.handshake_rtt_ns)
        if totals.first_byte_ns is not None:
            self.first_byte.add(totals.first_byte_ns)

    def side(self) -> LatencySide:
        return LatencySide(self.connections, _median(self.handshake), _median(self.first_byte))


class LatencyMeter:
    """Measures. Its memory is bounded by the catalogue's providers."""

    def __init__(self, asked: Latency, territory: Territory) -> None:
        self._asked = asked
        self._territory = territory
        self._side = lru_cache(CACHE)(self._side_on)
        self._times: dict[tuple[str | None, Side], _Times] = {}
        self._left_open = 0
        self._through_proxy = 0

    def offer(self, decision: Decision) -> None:
        """Take a decision on an attributed connection."""
        provider = decision.attribution.provider
        if provider is None:
            return
        if any(name.source == "connect" for name in decision.connection.names):
            self._through_proxy += 1
            return
        side = self._side(decision.attribution, day_of(decision.ts_ns))
        if side is None:
            self._left_open += 1
            return
        for key in (None, provider):
            self._of(key, side).add(decision)

    def report(self) -> LatencyReport:
        """Return what was measured."""
        providers = sorted({provider for provider, _ in self._times if provider is not None})
        rows = tuple(self._row(provider) for provider in (None, *providers)) if providers else ()
        asked = self._asked
        return LatencyReport(
            asked.sovereign, asked.minimum_connections, rows, self._left_open, self._through_proxy
        )

    def _side_on(self, attribution: Attribution, day: dt.date) -> Side | None:
        if is_contradicted(attribution):
            return None
        return _SIDES.get(locate_inside(attribution, self._territory, day).position)

    def _of(self, provider: str | None, side: Side) -> _Times:
        return self._times.setdefault((provider, side), _Times())

    def _row(self, provider: str | None) -> LatencyRow:
        inside = self._times.get((provider, "sovereign"), _Times()).side()
        others = self._times.get((provider, "others"), _Times()).side()
        return LatencyRow(
            provider,
            inside,
            others,
            self._premium(inside.handshake_rtt, others.handshake_rtt),
            self._premium(inside.first_byte, others.first_byte),
        )

    def _premium(self, inside: Median, others: Median) -> int | None:
        if inside.median_ns is None or others.median_ns is None:
            return None
        enough = min(inside.measured, others.measured) >= self._asked.minimum_connections
        return inside.median_ns - others.median_ns if enough else None


def _median(histogram: Histogram) -> Median:
    return Median(histogram.measured, histogram.median_ns())
