"""How well it could be seen that nothing came: what coverage windows show of a stretch of time. Pure.

Silence is not proof. It counts as evidence only where the sensors looked nearly all of the time, lost little,
and saw anything at all. Time without a window is time that nobody looked.
"""

from collections.abc import Iterable, Iterator

import msgspec

from monitor.coverage import NAMED, share
from monitor.policy.findings import SilenceLimits
from monitor.windows import Window
from monitor.wording import moment

MAX_BLIND = 5
MAX_GAPS = 20  # that are listed; `more_gaps` counts the others
_SECOND_NS = 1_000_000_000
_HOUR_NS = 3_600 * _SECOND_NS


class Unseen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stretch of time that no window covers, of the sensor that covers least."""

    since_ns: int
    until_ns: int


class Silence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was seen from ``since_ns`` to ``until_ns``; shares are from 0 to 1, cut off and not rounded.

    ``covered_share`` is the share of the time that windows cover: of several ``sensors`` the least.
    Windows that are ``blind`` cover nothing, and these are their reasons.
    ``named_share`` of the ``connections`` had a name (null where there was none). ``packets`` were read,
    ``lost_packets`` were not, or not understood; ``undecided`` connections or observations were seen and not
    decided on. A window that stands out over an end counts wholly in these numbers.
    """

    since_ns: int
    until_ns: int
    covered_share: float
    sensors: tuple[str, ...] = ()
    windows: int = 0
    connections: int = 0
    named_share: float | None = None
    packets: int = 0
    lost_packets: int = 0
    undecided: int = 0
    gaps: tuple[Unseen, ...] = ()
    more_gaps: int = 0
    blind: tuple[str, ...] = ()


def silence(windows: Iterable[Window], since_ns: int, until_ns: int) -> Silence:
    """Return what the windows show of a stretch of time; those that lie outside of it do not count.

    Where it is to end now, ``until_ns`` is best the end of the newest window: the next one is not cut yet.
    """
    spans: dict[str, list[tuple[int, int]]] = {}
    connections = named = packets = lost = undecided = count = 0
    blind: set[str] = set()
    for window in windows:
        first_ns, last_ns = sorted((window.since_ns, window.until_ns))
        if last_ns <= since_ns or first_ns >= until_ns:
            continue
        covers = spans.setdefault(window.sensor, [])
        blind.update(window.blind)
        if window.since_ns == first_ns and not window.blind:  # else the clock was set back
            covers.append((first_ns, last_ns))
        count += 1
        connections += window.connections
        named += sum(flows for name, flows in window.coverage.items() if name in NAMED)
        packets += window.packets
        lost += sum(each.packets for each in window.lost.values())
        undecided += window.shed + window.left + window.unwritten
    uncovered = [tuple(uncovered_between(each, since_ns, until_ns)) for _, each in sorted(spans.items())]
    gaps = max(uncovered, key=spanned_ns, default=tuple(uncovered_between([], since_ns, until_ns)))
    whole = max(until_ns - since_ns, 0)
    return Silence(
        since_ns=since_ns,
        until_ns=until_ns,
        covered_share=share(whole - spanned_ns(gaps), whole) or 0.0,
        sensors=tuple(sorted(spans)),
        windows=count,
        connections=connections,
        named_share=share(named, connections),
        packets=packets,
        lost_packets=lost,
        undecided=undecided,
        gaps=gaps[:MAX_GAPS],
        more_gaps=max(len(gaps) - MAX_GAPS, 0),
        blind=tuple(sorted(blind)[:MAX_BLIND]),
    )


def lacks(found: Silence, limits: SilenceLimits) -> tuple[str, ...]:
    """Return what a silence lacks to count as evidence, in words; nothing where it is enough."""
    return tuple(_lacks(found, limits))


def uncovered_between(spans: Iterable[tuple[int, int]], since_ns: int, until_ns: int) -> Iterator[Unseen]:
    """Yield what the spans, in any order and over one another, leave of a stretch of time."""
    at = since_ns
    for start, end in sorted(spans):
        if start > at:
            yield Unseen(at, min(start, until_ns))
        at = max(at, end)
    if at < until_ns:
        yield Unseen(at, until_ns)


def spanned_ns(gaps: Iterable[Unseen]) -> int:
    """Return how long stretches of time are together."""
    return sum(gap.until_ns - gap.since_ns for gap in gaps)


def _lacks(found: Silence, limits: SilenceLimits) -> Iterator[str]:
    if found.until_ns - found.since_ns < limits.least_ns:
        yield f"it lasts {_hours(found.until_ns - found.since_ns)}, and has to last {limits.least_said}"
    if found.covered_share * 100 < limits.covered_percent:
        first = found.gaps[0] if found.gaps else None
        hole = f" (first not from {moment(first.since_ns)} to {moment(first.until_ns)} UTC)" if first else ""
        yield (
            f"sensors covered {_percent(found.covered_share)} of the time{hole}, and"
            f" {limits.covered_percent:g} % are needed{''.join(f'; {each}' for each in found.blind)}"
        )
    if not found.packets:
        yield "no packet was read at all in that time"
    lost = share(found.lost_packets, found.packets + found.lost_packets) or 0.0
    if lost * 100 >= limits.lost_percent and found.lost_packets:
        yield f"{_percent(lost)} of the packets were lost, and less than {limits.lost_percent:g} % may be"
    undecided = share(found.undecided, found.connections + found.undecided) or 0.0
    if undecided * 100 >= limits.lost_percent and found.undecided:
        yield (
            f"{_percent(undecided)} of the connections were not decided on, and less than"
            f" {limits.lost_percent:g} % may be"
        )
    if found.named_share is not None and found.named_share * 100 < limits.named_percent:
        yield (
            f"{_percent(found.named_share)} of the connections could be named, and"
            f" {limits.named_percent:g} % are needed"
        )


def _percent(part: float) -> str:
    return f"{part * 100:.2f} %"


def _hours(duration_ns: int) -> str:
    if duration_ns < _HOUR_NS:
        return f"{max(duration_ns, 0) // _SECOND_NS} s"
    return f"{duration_ns / _HOUR_NS:.1f} h"
