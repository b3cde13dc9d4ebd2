"""`residency findings ack|cure|confirm|except|reopen|comment`: what a person does about a finding.

A running daemon is asked, and answers. Where none runs, its place is taken for a moment: ledger first.
"""

import datetime as dt
import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from monitor.commands.base import DAY, Failure, caller, clear_errors, warn
from monitor.commands.edge import reader_may_leave
from monitor.commands.findings.places import Place, place_of, place_options
from monitor.commands.terminal import echo, printable
from monitor.exitstatus import Exit
from monitor.files import InputError
from monitor.findings.acting import MAX_SILENCE_AGE_NS, checked
from monitor.findings.actions import (
    Acknowledge,
    Action,
    ActionError,
    Comment,
    ConfirmCure,
    Reopen,
    StartCure,
    Waive,
)
from monitor.findings.silence import Silence, silence
from monitor.findings.types import Finding
from monitor.outbox.actions import Answer, Request, ask, new_request
from monitor.outbox.history import ledger_of, windows_since
from monitor.outbox.owning import is_owned
from monitor.outbox.schema import OutboxError

_STATUS = {"done": Exit.DONE, "refused": Exit.USAGE}


class _Doing:
    """One finding, and who does something about it."""

    def __init__(
        self, identifier: str, config: Path | None, state: Path | None, ledger: Path | None, by: str | None
    ) -> None:
        with clear_errors():
            place = place_of(config, state, ledger)
        self.finding, self.place = place.one(identifier)
        self.by = f"{by} ({caller()})" if by else caller()

    def act(self, make: Callable[[str, str], Action]) -> None:
        """Have an action done, print what became of it, and end the command."""
        try:
            action = checked(make(self.finding.id, self.by))
        except ActionError as error:
            raise Failure(str(error), Exit.USAGE) from None
        answer = _answer(self.place, new_request(action, time.time_ns()))
        if answer.status != "done":
            raise Failure(printable(answer.says), _STATUS.get(answer.status, Exit.INCOMPLETE))
        finding = answer.finding or self.finding
        with reader_may_leave():
            echo([printable(f"finding {finding.id} is {finding.state}: {answer.says}")])
        sys.exit(Exit.DONE)


def _common(command: Callable[..., None]) -> Callable[..., None]:
    """Add what all of them take: the finding, where it is, and who says so. ``command`` gets it as one."""

    @wraps(command)
    def called(
        identifier: str,
        config: Path | None,
        state: Path | None,
        ledger: Path | None,
        by: str | None,
        **said: Any,
    ) -> None:
        command(_Doing(identifier, config, state, ledger, by), **said)

    by = click.option(
        "--by", metavar="ROLE", help="In which role you say so; your user name stands there, too."
    )
    return click.argument("identifier", metavar="ID")(place_options(by(called)))


@click.command("ack")
@_common
@click.option("--note", default="", metavar="TEXT", help="What you have to say of it.")
def ack(doing: _Doing, note: str) -> None:
    """Say that you have seen a finding, and look into it.

    \b
    Examples:
      residency findings ack 3fa9c1 --config /etc/residency/residency.yaml
      residency findings ack 3fa9c1 --state state/ --note "asked the CRM team"
    """
    doing.act(lambda id_, who: Acknowledge(finding=id_, by=who, text=note))


@click.command("cure")
@_common
@click.option("--plan", metavar="TEXT", help="What is done about it.")
@click.option("--owner-role", metavar="ROLE", help="The role that owns the cure.")
@click.option("--confirm", "confirmed", is_flag=True, help="It is cured: the same as `confirm`.")
@click.option("--note", metavar="TEXT", help="With --confirm: what was done.")
def cure(
    doing: _Doing,
    plan: str | None,
    owner_role: str | None,
    confirmed: bool,
    note: str | None,
) -> None:
    """Say what is done about a finding and which role owns that; or, with --confirm, that it is cured.

    \b
    Examples:
      residency findings cure 3fa9c1 --config residency.yaml \\
          --plan "pin the integration to eu-central-1" --owner-role crm-platform
      residency findings cure 3fa9c1 --config residency.yaml \\
          --confirm --note "endpoint pinned in release 4.2"
    """
    if confirmed:
        if note is None or plan is not None or owner_role is not None:
            raise click.UsageError("--confirm goes with --note TEXT, and with no plan")
        _confirm(doing, note)
    elif plan is None or owner_role is None or note is not None:
        raise click.UsageError("give --plan TEXT and --owner-role ROLE, or --confirm and --note TEXT")
    else:
        doing.act(lambda id_, who: StartCure(finding=id_, by=who, plan=plan, owner_role=owner_role))


@click.command("confirm")
@_common
@click.option("--note", required=True, metavar="TEXT", help="What was done.")
@click.option(
    "--since",
    type=DAY,
    metavar="DATE",
    help="Claim silence from this day on (UTC) alone, where the sensor was away before.",
)
def confirm(doing: _Doing, note: str, since: dt.date | None) -> None:
    """Say that a finding is cured.

    It takes silence that counts: since the last such connection, sensors saw nearly all of the time, and lost
    little. That is computed from the ledger, and stands beside what you say. With --since nothing is said of
    the time before that day.

    \b
    Examples:
      residency findings confirm 3fa9c1 --config residency.yaml \\
          --note "endpoint pinned in release 4.2"
      residency findings confirm 3fa9c1 --config residency.yaml \\
          --note "pinned; the sensor was replaced on March 8" --since 2026-03-09
    """
    _confirm(doing, note, since)


@click.command("except")
@_common
@click.option("--ticket", required=True, metavar="T", help="Where it was decided.")
@click.option("--until", required=True, type=DAY, metavar="DATE", help="The last day (UTC): 2026-03-10.")
@click.option("--reason", required=True, metavar="TEXT", help="Why it is put up with.")
def except_(doing: _Doing, ticket: str, until: dt.date, reason: str) -> None:
    """Put up with a finding until the end of a day, under a ticket.

    A connection that begins later opens it again.

    \b
    Examples:
      residency findings except 3fa9c1 --config residency.yaml \\
          --ticket DPO-17 --until 2026-06-30 --reason "migration runs until June"
    """
    end = dt.datetime.combine(until, dt.time.max, dt.UTC).replace(microsecond=0)
    until_ns = int(end.timestamp()) * 1_000_000_000
    doing.act(lambda id_, who: Waive(finding=id_, by=who, text=reason, ticket=ticket, until_ns=until_ns))


@click.command("reopen")
@_common
@click.option("--note", required=True, metavar="TEXT", help="Why.")
def reopen(doing: _Doing, note: str) -> None:
    """Open a finding again that is cured or excepted.

    \b
    Examples:
      residency findings reopen 3fa9c1 --config residency.yaml \\
          --note "the fix was rolled back"
    """
    doing.act(lambda id_, who: Reopen(finding=id_, by=who, text=note))


@click.command("comment")
@_common
@click.option("--note", required=True, metavar="TEXT", help="What you have to say of it.")
def comment(doing: _Doing, note: str) -> None:
    """Say something of a finding; nothing else changes.

    \b
    Examples:
      residency findings comment 3fa9c1 --config residency.yaml \\
          --note "vendor ticket 4711"
    """
    doing.act(lambda id_, who: Comment(finding=id_, by=who, text=note))


def _confirm(doing: _Doing, note: str, since: dt.date | None = None) -> None:
    ledger = doing.place.ledger
    if ledger is None:
        raise click.UsageError("silence is computed from the ledger: give --config FILE, or --ledger DIR too")
    try:
        found = _silence(ledger, doing.finding, since, time.time_ns())
    except InputError as error:
        raise Failure(str(error), Exit.UNREADABLE) from None
    doing.act(lambda id_, who: ConfirmCure(finding=id_, by=who, text=note, silence=found))


def _silence(ledger: Path, finding: Finding, since: dt.date | None, now_ns: int) -> Silence:
    """Return what the ledger shows since the last connection, or a later day, to its last window."""
    since_ns = max(finding.last_ns, finding.alive_ns) + 1
    if since is not None:
        midnight = dt.datetime.combine(since, dt.time.min, dt.UTC)
        since_ns = max(since_ns, int(midnight.timestamp()) * 1_000_000_000)
    windows = [
        each
        for each in windows_since(ledger_of(ledger, finding.subject.tenant), since_ns)
        if each.until_ns <= now_ns
    ]
    last_ns = max((each.until_ns for each in windows), default=now_ns)
    return silence(windows, since_ns, last_ns if now_ns - last_ns < MAX_SILENCE_AGE_NS else now_ns)


def _answer(place: Place, request: Request) -> Answer:
    """Ask the daemon, or take its place where none runs."""
    state, settings = place.state, place.settings
    if state is None:
        raise click.UsageError("a file takes no action; give --config or --state")
    try:
        if is_owned(state):
            return ask(state, request)
        if place.is_partition:
            raise Failure(f"{state}: no correlator records this partition now; start one", Exit.USAGE)
        if settings is None:
            raise Failure(
                f"{state}: no daemon runs there; start it, or give --config FILE, which names its ledger",
                Exit.USAGE,
            )
        from monitor import app  # noqa: PLC0415  only without a daemon
        from monitor.daemon.offline import act_offline  # noqa: PLC0415

        with clear_errors():
            knowledge = app.load_knowledge(
                settings.policy, settings.catalogs, settings.geoips, settings.choice
            )
            warn(knowledge.notes)
            return act_offline(settings, knowledge, request, time.time_ns())
    except OutboxError as error:
        raise Failure(str(error), Exit.UNREADABLE) from None
    except InputError as error:
        raise Failure(str(error), Exit.USAGE) from None
