"""`residency outbox retry` and `drop`: what was put aside goes back in line, or is forgotten for a sink.

While `residency deliver` works it does this itself, as it is asked; else it is done here.
"""

import time
from contextlib import closing
from pathlib import Path

import click

from monitor.commands.base import Failure, clear_errors, warn
from monitor.commands.edge import reader_may_leave
from monitor.commands.outbox.base import (
    Place,
    Places,
    json_option,
    needed_config_option,
    places_of,
    sink_option,
    unreadable,
)
from monitor.commands.outbox.noting import findings_of, note_dropped
from monitor.commands.terminal import echo, json_line
from monitor.courier.account import acting_as, owner_of
from monitor.courier.deliveries import Deliveries, DeliveriesError, is_owned
from monitor.courier.progress import lane_states
from monitor.courier.requests import Answer, Request, ask, obey
from monitor.courier.schema import UnusableError
from monitor.exitstatus import Exit
from monitor.outbox.reading import OutboxReader
from monitor.wording import plural

PATIENCE_SECONDS = 5.0  # to wait for the courier's answer

key_option = click.option("--key", metavar="KEY", help="Only the event with this key (`outbox list`).")


@click.command("retry")
@needed_config_option
@sink_option
@key_option
@json_option
def retry(config: Path, sink: str | None, key: str | None, as_json: bool) -> None:
    """Put events that were put aside back in line: all of them, or those of a sink or with a key.

    They are tried when nothing else waits for the sink, and again for as long as `outbox.dead_after` says.
    Status 4: there were none.

    \b
    Examples:
      residency outbox retry --config residency.yaml
      residency outbox retry --config residency.yaml --sink soc
      residency outbox retry --config residency.yaml --sink soc --key KEY
    """
    request = Request("retry", sink, key)
    count = sum(_done(place, request) for place in _checked(config, request).each)
    _say(count, f"{plural(count, 'event')} back in line", as_json=as_json)


@click.command("drop")
@needed_config_option
@click.option("--sink", required=True, metavar="NAME", help="For this sink; others still get it.")
@key_option
@click.option("--all", "everything", is_flag=True, help="All that was put aside for the sink; needs --yes.")
@click.option("--waiting", is_flag=True, help="With --all: what waits for the sink now, too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def drop(
    config: Path, sink: str, key: str | None, everything: bool, waiting: bool, yes: bool, as_json: bool
) -> None:
    """Forget an event for a sink, whether it waits or was put aside. The ledger keeps it.

    While the daemon runs, the findings that dropped events are about get a comment that says so.

    Status 4: there was none.

    \b
    Examples:
      residency outbox drop --config residency.yaml --sink soc --key KEY
      residency outbox drop --config residency.yaml --sink soc --all --yes
      residency outbox drop --config residency.yaml --sink soc --all \\
          --waiting --yes
    """
    if (key is not None) == everything:
        raise click.UsageError("give --key KEY, or --all")
    if everything and not yes:
        raise click.UsageError("--all forgets every one of them: add --yes")
    if waiting and not everything:
        raise click.UsageError("--waiting goes with --all: --key finds what waits as well")
    request = Request("drop", sink, key, waiting=waiting or key is not None)
    count = 0
    for place in _checked(config, request).each:
        found = findings_of(place, sink, key)
        dropped = _done(place, request)
        if dropped:
            warn(note_dropped(place.state, sink, found))
        count += dropped
    _say(count, f"{plural(count, 'event')} dropped for {sink}", as_json=as_json)


def _checked(config: Path, request: Request) -> Places:
    """Return where it is to be done. Ends the command where nobody knows the sink."""
    places = places_of(config)
    with unreadable():
        places.check(request.sink)
    return places


def _done(place: Place, request: Request) -> int:
    """Have it done in one place; return how many events it came to. Ends the command where that failed."""
    if place.partition is not None and not _is_served(place, request.sink):
        return 0
    with clear_errors():
        try:
            answer = _asked(place, request) if is_owned(place.state) else _obeyed(place, request)
        except (DeliveriesError, UnusableError) as error:
            raise Failure(str(error), Exit.UNREADABLE) from None
    if answer is None:
        raise Failure(
            "`residency deliver` works and does not answer; look at its log, and try again", Exit.INCOMPLETE
        )
    if answer.error is not None:
        raise Failure(answer.error, Exit.UNREADABLE)
    return answer.count


def _is_served(place: Place, sink: str | None) -> bool:
    """Tell whether a partition's courier ever served the sink: what it was not given cannot be dropped."""
    with unreadable():
        return sink is None or any(each.sink == sink for each in lane_states(place.state))


def _asked(place: Place, request: Request) -> Answer | None:
    return ask(place.state, request, PATIENCE_SECONDS)


def _obeyed(place: Place, request: Request) -> Answer:
    with acting_as(owner_of(place.state)), closing(Deliveries(place.state)) as deliveries:
        return obey(deliveries, request, lambda: OutboxReader(place.state), time.time_ns())


def _say(count: int, text: str, *, as_json: bool) -> None:
    with reader_may_leave():
        echo([json_line({"events": count})] if as_json else [text])
    if not count:
        raise SystemExit(Exit.INCOMPLETE)
