"""`residency findings list`: a table for people, worst first, or JSON lines."""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

import click
import msgspec

from monitor.commands.base import clear_errors
from monitor.commands.edge import reader_may_leave, say
from monitor.commands.findings.places import Place, file_option, is_open, place_of, place_options
from monitor.commands.terminal import echo, json_line, printable, width
from monitor.console_findings import what
from monitor.exitstatus import Exit
from monitor.files import InputError
from monitor.findings.types import Finding, State
from monitor.outbox.history import last_window, ledger_of
from monitor.policy.words import SEVERITIES, Severity
from monitor.wording import moment, plural, wrapped

STATES: tuple[State, ...] = get_args(State)
LATE_NS = 600 * 1_000_000_000  # a statement comes every five minutes
_DAY = len("2026-03-10")
_HEAD = f"{'ID':<16} {'SEVERITY':<8} {'STATE':<12} {'CONNECT.':>9} {'CURE BY':<10} RULE"
_COLOURS: dict[Severity, str] = {"critical": "red", "high": "red", "medium": "yellow"}


class Wanted(msgspec.Struct, frozen=True):
    """Which findings to list; null is any, and ``severity`` the least."""

    tenant: str | None = None
    states: Sequence[str] = ()
    severity: Severity | None = None
    rule: str | None = None
    provider: str | None = None
    closed: bool = False

    def fits(self, finding: Finding) -> bool:
        """Whether a finding is to be listed."""
        least = len(SEVERITIES) if self.severity is None else SEVERITIES.index(self.severity)
        providers = (finding.provider, *finding.possible)
        return (
            self.tenant in (None, finding.subject.tenant)
            and (finding.state in self.states if self.states else self.closed or is_open(finding))
            and SEVERITIES.index(finding.severity) <= least
            and self.rule in (None, finding.rule)
            and (self.provider is None or self.provider in providers)
        )


@click.command("list")
@place_options
@file_option
@click.option("--tenant", metavar="T", help="Only this tenant's.")
@click.option(
    "--in-state", "states", type=click.Choice(STATES), multiple=True, help="In this state (repeatable)."
)
@click.option("--severity", type=click.Choice(SEVERITIES), help="At least this severe.")
@click.option("--rule", metavar="R", help="Only what this rule of the policy, or this behaviour, found.")
@click.option(
    "--provider", metavar="P", help="Only of this provider, also where it is one of several possible."
)
@click.option("--all", "closed", is_flag=True, help="Those that are cured or excepted, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(
    config: Path | None,
    state: Path | None,
    ledger: Path | None,
    file: Path | None,
    tenant: str | None,
    states: Sequence[str],
    severity: Severity | None,
    rule: str | None,
    provider: str | None,
    closed: bool,
    as_json: bool,
) -> None:
    """List findings, worst first: those that are neither cured nor excepted.

    The last line (on stderr) says how much could be seen lately. Ends with status 1 where a violation among
    them is open.

    \b
    Examples:
      residency findings list --config /etc/residency/residency.yaml
      residency findings list --state /var/lib/residency/state --severity high
      residency findings list --file audit/findings.jsonl --all --json
      residency findings list --config residency.yaml --in-state lapsed
    """
    with clear_errors():
        place = place_of(config, state, ledger, file)
    found = place.findings()
    wanted = Wanted(tenant, states, severity, rule, provider, closed)
    listed = [each for each in found if wanted.fits(each)]
    seen = _seen(place, tenant, time.time_ns())
    with reader_may_leave():
        if as_json:
            echo(json_line(each) for each in listed)
        else:
            echo(table(listed, width()))
            say(f"residency: {_counted(listed, found)}")
            say(f"residency: {seen}")
    violated = any(each.kind == "violation" and is_open(each) for each in listed)
    sys.exit(Exit.VIOLATIONS if violated else Exit.DONE)


def table(findings: Sequence[Finding], columns: int) -> Iterator[str]:
    """Yield a head and two lines or more for each finding; none where there are none."""
    if not findings:
        return
    yield _HEAD
    for each in findings:
        deadline = moment(each.deadline_ns)[:_DAY] if is_open(each) else "-"
        row = f"{each.id:<16} {each.severity:<8} {each.state:<12} {each.count:>9,} {deadline:<10} "
        colour = _COLOURS.get(each.severity) if is_open(each) else None
        rule = printable(each.rule)
        if len(row) + len(rule) <= columns:
            yield click.style(row + rule, fg=colour)
        else:
            yield click.style(row.rstrip(), fg=colour)
            yield from (f"  {line}" for line in wrapped(rule, columns - 2))
        yield from (f"  {line}" for line in wrapped(printable(what(each)), columns - 2))


def _seen(place: Place, tenant: str | None, now_ns: int) -> str:
    """Return how much could be seen lately: what is not listed may not have been seen."""
    if place.file is not None:
        return "how much could be seen is in the replay's summary"
    if place.partitions:
        return "how much could be seen is in the partitions' ledgers, by sensor"
    if place.ledger is None:
        return "with --config, or --ledger, it is said how much could be seen"
    try:
        window = last_window(ledger_of(place.ledger, tenant))
    except InputError as error:
        return f"how much could be seen is not known: {error}"
    if window is None:
        return "how much could be seen is not known: the ledger has no statement of it"
    since, until = moment(window.since_ns), moment(window.until_ns)
    later = "; nothing is known of the time after that" if now_ns - window.until_ns > LATE_NS else ""
    return f"from {since} to {until} UTC: {window.says}{later}"


def _counted(listed: Sequence[Finding], found: Sequence[Finding]) -> str:
    hidden = len(found) - len(listed)
    said = plural(len(listed), "finding")
    return f"{said}; {hidden:,} not listed (--all lists closed ones, too)" if hidden else said
