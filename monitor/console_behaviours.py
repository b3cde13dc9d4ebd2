"""The summary's part on behaviours across connections, and on latency, as people read it on a terminal."""

from collections.abc import Iterator

import click
from msgspec import UnsetType

from monitor.behaviours import Behaviour, LatencyReport
from monitor.behaviours.latency import LatencyRow, LatencySide, Median
from monitor.behaviours.wording import who
from monitor.summary import Summary
from monitor.wording import fact, moment, plural, size, wrapped

MAX_SHOWN = 50  # the rest is in the files
_NS_PER_MS = 1_000_000


def behaviours(summary: Summary, width: int) -> Iterator[str]:
    """Yield the lines on what was looked for across connections; none where nothing was."""
    if not isinstance(summary.behaviours, UnsetType):
        yield from _behaviours(summary, summary.behaviours, width)
    if not isinstance(summary.latency, UnsetType):
        yield from _latency(summary.latency, width)


def _behaviours(summary: Summary, found: tuple[Behaviour, ...], width: int) -> Iterator[str]:
    counts = {} if isinstance(summary.behaviour_counts, UnsetType) else summary.behaviour_counts
    if not counts:
        return
    said = ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
    yield ""
    title = wrapped(f"BEHAVIOURS ACROSS CONNECTIONS: {said}", width)
    yield from (click.style(line, fg="yellow" if found else "green", bold=True) for line in title)
    for behaviour in found[:MAX_SHOWN]:
        yield from _behaviour(behaviour, width)
    if len(found) > MAX_SHOWN:
        yield ""
        yield f"and {plural(len(found) - MAX_SHOWN, 'more behaviour')} in summary.json"


def _behaviour(behaviour: Behaviour, width: int) -> Iterator[str]:
    heading = f"{behaviour.kind} ({behaviour.severity}) {who(behaviour.subject, behaviour.source)}"
    yield ""
    yield from (click.style(line, bold=True) for line in wrapped(heading, width))
    yield fact("what", behaviour.what, width)
    yield fact("traffic", f"{size(behaviour.bytes_up)} up", width)
    yield fact("from", f"{moment(behaviour.first_ns)} to {moment(behaviour.last_ns)} UTC", width)
    yield fact("id", behaviour.id, width)


def _latency(report: LatencyReport, width: int) -> Iterator[str]:
    inside = " or ".join(report.sovereign)
    yield ""
    heading = wrapped(f"LATENCY, MEDIANS: inside {inside} against all others", width)
    yield from (click.style(line, bold=True) for line in heading)
    if not report.rows:
        yield "  nothing was measured"
    for row in report.rows:
        yield from _row(row, report.minimum_connections, width)
    for count, why in ((report.left_open, "left open by the evidence"), (report.through_proxy, "by a proxy")):
        if count:
            yield fact("left out", f"{plural(count, 'connection')} {why}", width)


def _row(row: LatencyRow, minimum: int, width: int) -> Iterator[str]:
    sides = f"{row.sovereign.connections:,} inside, {row.others.connections:,} other"
    yield ""
    yield from wrapped(f"{row.provider or 'all providers'}: {sides}", width)
    yield fact("handshake", _pair(row, "handshake_rtt", row.handshake_rtt_premium_ns, minimum), width)
    yield fact("first byte", _pair(row, "first_byte", row.first_byte_premium_ns, minimum), width)


def _pair(row: LatencyRow, what: str, premium_ns: int | None, minimum: int) -> str:
    inside, others = (_of(side, what) for side in (row.sovereign, row.others))
    both = inside.median_ns is not None and others.median_ns is not None
    said = f"{_ms(inside.median_ns)} against {_ms(others.median_ns)}"
    if premium_ns is not None:
        return f"{said}, {'+' if premium_ns >= 0 else '-'}{_ms(abs(premium_ns))}"
    return f"{said}; no difference said of fewer than {minimum} on a side" if both else said


def _of(side: LatencySide, what: str) -> Median:
    return side.handshake_rtt if what == "handshake_rtt" else side.first_byte


def _ms(duration_ns: int | None) -> str:
    return "-" if duration_ns is None else f"{duration_ns / _NS_PER_MS:,.1f} ms"
