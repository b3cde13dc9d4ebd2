"""`residency outbox status`: how each sink fares."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from monitor.commands.base import warn
from monitor.commands.edge import reader_may_leave
from monitor.commands.outbox.base import (
    Place,
    Places,
    config_option,
    json_option,
    places_of,
    reading,
    state_option,
    unreadable,
)
from monitor.commands.terminal import columns_of, echo, json_line, printable, width
from monitor.courier.deliveries import is_owned
from monitor.courier.letters import LaneState
from monitor.courier.progress import Figures, added, first_ns, lane_states
from monitor.wording import plural

SECOND_NS = 1_000_000_000
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


@click.command("status")
@config_option
@state_option
@json_option
def command(config: Path | None, state: Path | None, as_json: bool) -> None:
    """Say what waits for each sink, since when, what was put aside, and what went wrong last.

    A sink that is configured and was never served has all that is in the outbox before it. One that is no
    longer configured holds nothing back: its numbers are of its past. Of a fleet the numbers of all
    partitions are added up.

    \b
    Examples:
      residency outbox status --config /etc/residency/residency.yaml
      residency outbox status --state /var/lib/residency/state --json
    """
    places = places_of(config, state)
    now_ns = time.time_ns()
    found: dict[str, Figures] = {}
    for each in (figures for place in places.each for figures in _figures(place)):
        found[each.sink] = added(found[each.sink], each) if each.sink in found else each
    working = all(is_owned(place.state) for place in places.each)
    rows = [found[sink] for sink in sorted(found)]
    with reader_may_leave():
        if as_json:
            echo(json_line(_as_json(each, places, now_ns, working=working)) for each in rows)
        else:
            echo(_table(rows, places, now_ns))
            echo(["", "`residency deliver` is at work" if working else "`residency deliver` does not run"])


def _figures(place: Place) -> list[Figures]:
    """Return how each sink fares in one place; one that was never served has all before it."""
    with reading(place) as queue, unreadable():
        served = lane_states(place.state, queue)
        unserved = [
            Figures(name, LaneState(), queue.waiting(), first_ns(queue, 0), 0, 0)
            for name in place.names or ()
            if name not in {each.sink for each in served}
        ]
        warn([queue.note] if queue.note else [])
    return [*served, *unserved]


def _table(rows: Sequence[Figures], place: Places, now_ns: int) -> Iterator[str]:
    if not rows:
        yield "no sinks"
        return
    cells: list[tuple[str, ...]] = [("sink", "waiting", "oldest", "dead", "next try", "last error")]
    cells += [_cells(each, place, now_ns) for each in rows]
    yield from columns_of(cells, width())
    for each in rows:
        if each.state.shed:
            yield f"{each.sink}: {plural(each.state.shed, 'dead letter')} had no room, and went"


def _cells(row: Figures, place: Places, now_ns: int) -> tuple[str, ...]:
    state = row.state
    gone = place.names is not None and row.sink not in place.names
    oldest = _age(now_ns - row.oldest_ns) if row.oldest_ns is not None and not gone else "-"
    dead = f"{row.dead:,}" + (f" +{row.again:,} in line" if row.again else "")
    soon = "now" if state.next_try_ns <= now_ns else f"in {_age(state.next_try_ns - now_ns)}"
    failing = bool(state.attempts) and not gone
    said = printable(state.error or "-")
    if state.error_ns is not None:
        said = f"{_age(now_ns - state.error_ns)} ago: {said}"
    return (
        printable(row.sink),
        "not configured" if gone else f"{row.waiting or 0:,}",
        oldest,
        dead,
        soon if failing else "-",
        said,
    )


def _as_json(row: Figures, place: Places, now_ns: int, *, working: bool) -> dict[str, object]:
    state = row.state
    return {
        "sink": row.sink,
        "configured": None if place.names is None else row.sink in place.names,
        "waiting": row.waiting,
        "oldest_ns": row.oldest_ns,
        "oldest_seconds": max(now_ns - row.oldest_ns, 0) / SECOND_NS if row.oldest_ns is not None else None,
        "dead": row.dead,
        "again": row.again,
        "shed": state.shed,
        "delivered": state.delivered,
        "attempts": state.attempts,
        "next_try_ns": state.next_try_ns or None,
        "error": state.error,
        "error_ns": state.error_ns,
        "deliver_runs": working,
    }


def _age(ns: int) -> str:
    """Return a span of time in its greatest unit."""
    seconds = max(ns, 0) // SECOND_NS
    size, unit = next((each for each in _UNITS if seconds >= each[0]), _UNITS[-1])
    return f"{seconds // size}{unit}"
