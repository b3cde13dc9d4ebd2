"""`residency findings show`: everything about one finding, in plain words."""

from pathlib import Path

import click

from monitor.commands.base import Failure, clear_errors, warn
from monitor.commands.edge import reader_may_leave
from monitor.commands.findings.finding_text import lines
from monitor.commands.findings.places import Place, file_option, place_of, place_options
from monitor.commands.terminal import echo, json_line, width
from monitor.events.types import Basis, FindingEvent
from monitor.exitstatus import Exit
from monitor.files import InputError
from monitor.findings.types import Change, Finding
from monitor.outbox.history import changes_of, ledger_of


@click.command("show")
@click.argument("identifier", metavar="ID")
@place_options
@file_option
@click.option("--json", "as_json", is_flag=True, help="The finding as one JSON object.")
def command(
    identifier: str,
    config: Path | None,
    state: Path | None,
    ledger: Path | None,
    file: Path | None,
    as_json: bool,
) -> None:
    """Show what was seen, on what evidence, what that cannot show, and what can be done.

    With --config, or --state and --ledger, also how it came to be as it is.

    \b
    Examples:
      residency findings show 3fa9c1 --config /etc/residency/residency.yaml
      residency findings show 3fa9c1 --state state/ --ledger ledger/
      residency findings show 3fa9c1 --file audit/findings.jsonl --json
    """
    with clear_errors():
        place = place_of(config, state, ledger, file)
    finding, place = place.one(identifier)
    history = () if as_json else _history(place, finding)
    basis = None if as_json else basis_of(place, finding)
    with reader_may_leave():
        echo([json_line(finding)] if as_json else lines(finding, history, basis, width()))


def basis_of(place: Place, finding: Finding) -> Basis | None:
    """Return what the last event about a finding says that it rests on, if there is one."""
    event = event_of(place, finding)
    return event.basis if event is not None else None


def event_of(place: Place, finding: Finding) -> FindingEvent | None:
    """Return the last event about a finding, if there is one. Ends the command where it is unreadable."""
    if place.state is None:
        return None
    try:
        reader = place.reader()
        try:
            return reader.last_event(finding.id)
        finally:
            reader.close()
    except InputError as error:
        raise Failure(str(error), Exit.UNREADABLE) from None


def _history(place: Place, finding: Finding) -> tuple[Change, ...]:
    """Return how a finding changed, as its ledger says; say where that cannot be read."""
    if place.ledger is None:
        return ()
    try:
        return tuple(changes_of(ledger_of(place.ledger, finding.subject.tenant), finding.id))
    except InputError as error:
        warn([f"without its history: {error}"])
        return ()
