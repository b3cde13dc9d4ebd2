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
    place_of,
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
    place = place_of(config, state)
    with unreadable():
        done = {each.sink: max(each.state.cursor, each.drop_to) for each in lane_states(place.state)}
    place.check(sink, tuple(done))
    with unreadable(), reader_may_leave():
        if dead:
            _print_dead(place, sink, limit, as_json=as_json)
        else:
            _print_waiting(place, done.get(sink, 0) if sink is not None else 0, limit, as_json=as_json)


def _print_dead(place: Place, sink: str | None, limit: int, *, as_json: bool) -> None:
    for letter in islice(dead_letters(place.state, sink), limit):
        if as_json:
            echo([json_line({**msgspec.structs.asdict(letter), "key": letter.key})])
        else:
            again = ", back in line" if letter.again else ""
            tried = plural(letter.attempts, "attempt")
            echo(
                [
                    f"{printable(letter.sink)}: {_line(letter.seq, letter.event)}",
                    f"    {printable(letter.reason)} ({tried} since {moment(letter.since_ns)} UTC{again})",
                ]
            )


def _print_waiting(place: Place, seq: int, limit: int, *, as_json: bool) -> None:
    with reading(place) as queue:
        for parcel in islice(behind(queue, seq), limit):
            if as_json:
                echo([json_line({"seq": parcel.seq, "key": parcel.key, "event": parcel.event})])
            else:
                echo([_line(parcel.seq, parcel.event)])
        left = queue.waiting(seq) - limit
    if left > 0 and not as_json:
        echo([f"... and {plural(left, 'event')} more (--limit)"])


def _line(seq: int, event: Event) -> str:
    return f"{seq}  {moment(event.at_ns)} UTC  {printable(event.key)}  {printable(_says(event))}"


def _says(event: Event) -> str:
    if isinstance(event, FindingEvent):
        finding = event.change.finding
        return f"{event.change.what}: {finding.title} ({finding.severity})"
    if isinstance(event, CheckpointEvent):
        return f"checkpoint of {event.tenant or 'no tenant'}"
    return f"{plural(event.events, 'event')} folded ({event.severity})"
