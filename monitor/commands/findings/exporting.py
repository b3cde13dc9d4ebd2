"""`residency findings export`: all findings as events in the form of another program, or as a table."""

import csv
import io
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal, get_args

import click
import msgspec

from monitor import __version__
from monitor.commands.base import FILE, Failure, clear_errors
from monitor.commands.edge import reader_may_leave
from monitor.commands.findings.listing import Wanted
from monitor.commands.findings.places import Place, file_option, place_of, place_options
from monitor.commands.terminal import printable
from monitor.events.limits import as_now, limits_of
from monitor.events.render import render
from monitor.events.types import Basis, FindingEvent
from monitor.exitstatus import Exit
from monitor.files import InputError
from monitor.findings.types import Change, Finding
from monitor.outbox.reading import OutboxReader
from monitor.replacing import Replacing
from monitor.report.files.cells import guarded
from monitor.sink_options import Format
from monitor.wording import moment

FORMATS = (*get_args(Format), "csv")
COLUMNS = (
    "id", "state", "severity", "kind", "rule", "tenant", "source_group", "data_class", "provider", "possible",
    "service", "scope", "region", "countries", "certainty", "connections", "bytes_up", "bytes_down",
    "clients", "first_utc", "last_utc", "opened_utc", "cure_by_utc", "title",
)  # fmt: skip


@click.command("export")
@place_options
@file_option
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="native", show_default=True, help="Which form."
)
@click.option("--tenant", metavar="T", help="Only this tenant's.")
@click.option("--open", "only_open", is_flag=True, help="Only those that are neither cured nor excepted.")
@click.option("--out", type=FILE, metavar="FILE", help="Write there, in place of standard output.")
def command(
    config: Path | None,
    state: Path | None,
    ledger: Path | None,
    file: Path | None,
    form: Literal["native", "ocsf", "ecs", "cef", "csv"],
    tenant: str | None,
    only_open: bool,
    out: Path | None,
) -> None:
    """Export findings as they are now, worst first: one event a line, or a table (csv).

    The forms are those in which events go to sinks. Without --tenant all tenants' findings are in it.

    \b
    Examples:
      residency findings export --config residency.yaml --format ocsf
      residency findings export --config residency.yaml --tenant acme
      residency findings export --file audit/findings.jsonl \\
          --format csv --out findings.csv
    """
    with clear_errors():
        place = place_of(config, state, ledger, file)
    wanted = Wanted(tenant, closed=not only_open)
    found = [each for each in place.located() if wanted.fits(each[0])]
    data = _csv(finding for finding, _ in found) if form == "csv" else _lines(found, form)
    with reader_may_leave():
        if out is None:
            for part in data:
                click.echo(part, nl=False)
        else:
            with Replacing(out) as target:
                target.writelines(data)
    sys.exit(Exit.DONE)


def _lines(found: Iterable[tuple[Finding, Place]], form: Format) -> Iterator[bytes]:
    """Yield findings as events, one a line."""
    readers: dict[Path, OutboxReader] = {}
    with ExitStack() as stack:
        try:
            for finding, place in found:
                last = None
                if place.state is not None:
                    if place.state not in readers:
                        readers[place.state] = place.reader()
                        stack.callback(readers[place.state].close)
                    last = readers[place.state].last_event(finding.id)
                yield render(_said(finding, last), form) + b"\n"
        except InputError as error:
            raise Failure(str(error), Exit.UNREADABLE) from None


def _said(finding: Finding, last: FindingEvent | None) -> FindingEvent:
    """Return the event that tells of a finding as it is now."""
    if last is not None:
        now = as_now(last, finding)
        return msgspec.structs.replace(now, key=now.change.key)
    change = Change("opened" if finding.revision <= 1 else "updated", finding.last_ns, finding.title, finding)
    basis = Basis(__version__, "replay", limits=limits_of(finding))
    return FindingEvent(change.key, change.at_ns, change, basis)


def _csv(findings: Iterable[Finding]) -> Iterator[bytes]:
    """Yield a table (RFC 4180) with a head."""
    yield _row(COLUMNS)
    for each in findings:
        subject = each.subject
        yield _row((
            each.id, each.state, each.severity, each.kind, each.rule, subject.tenant, subject.source_group,
            subject.data_class, each.provider, " ".join(each.possible), each.service, each.scope, each.region,
            " ".join(each.countries), each.certainty, each.count, each.bytes_up, each.bytes_down,
            each.client_count, *map(moment, (each.first_ns, each.last_ns, each.opened_ns, each.deadline_ns)),
            each.title,
        ))  # fmt: skip


def _row(cells: Iterable[str | int | None]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(map(cell, cells))
    return text.getvalue().encode()


def cell(value: str | int | None) -> str | int:
    """Return a cell that no table calculation takes for a formula."""
    if not isinstance(value, str):
        return "" if value is None else value
    return guarded(printable(value))
