"""`residency outbox list`: the events that wait, or those that were put aside."""

from itertools import islice
from pathlib import Path

import click
import msgspec

from monitor.commands.edge import reader_may_leave
from monitor.commands.outbox.base import (
    Place,
    config_option,
    json_option,
    places_of,
    reading,
    sink_option,
    state_option,
    unreadable,
)
from monitor.commands.terminal import echo, json_line, printable
from monitor.courier.progress import dead_letters, lane_states
from monitor.courier.requests import behind
from monitor.events.types import CheckpointEvent, Event, FindingEvent
from monitor.wording import moment, plural

LIMIT = 100


@click.command("list")
@config_option
@state_option
@click.option("--dead", is_flag=True, help="What was put aside, instead of what waits.")
@sink_option
@click.option(
    "--limit", type=click.IntRange(min=1), default=LIMIT, show_default=True, help="So many events at most."
)
@json_option
def command(
    config: Path | None, state: Path | None, dead: bool, sink: str | None, limit: int, as_json: bool
) -> None:
    """List the events that wait for a sink (without --sink: all in the outbox), or that were put aside.

    What waits is not filtered by a sink's severity: it passes over what it does not get.

    \b
    Examples:
      residency outbox list --config residency.yaml --sink soc
      residency outbox list --config residency.yaml --dead
      residency outbox list --state state/ --dead --json | jq -r .reason
    """
    places = places_of(config, state)
    with unreadable():
        places.check(sink)
    left = limit
    more = 0
    with unreadable(), reader_may_leave():
        for place in places.each:
            if dead:
                left -= _print_dead(place, sink, left, as_json=as_json)
            else:
                shown, waiting = _print_waiting(place, sink, left, as_json=as_json)
                left, more = left - shown, more + waiting - shown
        if more > 0 and not as_json:
            echo([f"... and {plural(more, 'event')} more (--limit)"])


def _print_dead(place: Place, sink: str | None, limit: int, *, as_json: bool) -> int:
    """Print so many at most; return how many."""
    shown = 0
    for shown, letter in enumerate(islice(dead_letters(place.state, sink), limit), 1):  # noqa: B007  the count
        if as_json:
            echo([json_line({**place.fields, **msgspec.structs.asdict(letter), "key": letter.key})])
        else:
            again = ", back in line" if letter.again else ""
            tried = plural(letter.attempts, "attempt")
            echo(
                [
                    f"{place.prefix}{printable(letter.sink)}: {_line(letter.seq, letter.event)}",
                    f"    {printable(letter.reason)} ({tried} since {moment(letter.since_ns)} UTC{again})",
                ]
            )
    return shown


def _print_waiting(place: Place, sink: str | None, limit: int, *, as_json: bool) -> tuple[int, int]:
    """Print so many at most; return how many, and how many there are."""
    done = {each.sink: max(each.state.cursor, each.drop_to) for each in lane_states(place.state)}
    seq = done.get(sink, 0) if sink is not None else 0
    with reading(place) as queue:
        for parcel in islice(behind(queue, seq), limit):
            if as_json:
                told = {"seq": parcel.seq, "key": parcel.key, "event": parcel.event}
                echo([json_line({**place.fields, **told})])
            else:
                echo([place.prefix + _line(parcel.seq, parcel.event)])
        waiting = queue.waiting(seq)
    return min(waiting, limit), waiting


def _line(seq: int, event: Event) -> str:
    return f"{seq}  {moment(event.at_ns)} UTC  {printable(event.key)}  {printable(_says(event))}"


def _says(event: Event) -> str:
    if isinstance(event, FindingEvent):
        finding = event.change.finding
        return f"{event.change.what}: {finding.title} ({finding.severity})"
    if isinstance(event, CheckpointEvent):
        return f"checkpoint of {event.tenant or 'no tenant'}"
    return f"{plural(event.events, 'event')} folded ({event.severity})"
