"""What `rejudge` and `policy diff` share: options, what they judge by, and reading with a progress bar."""

import datetime as dt
import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from monitor import __version__, app
from monitor.commands.base import (
    FILE,
    Failure,
    as_of_option,
    catalog_option,
    data_option,
    geoip_option,
    location_option,
    warn,
)
from monitor.datasets.use import DataChoice
from monitor.exitstatus import Exit
from monitor.files import InputError
from monitor.geography import Site
from monitor.pipeline import Pipeline
from monitor.policy import Policy
from monitor.rejudge.judging import Judge, Judging
from monitor.rejudge.records import Progress, Records
from monitor.rejudge.run import records_of, rejudge
from monitor.rejudge.summary import Summary, Versions, summarise
from monitor.rejudge.types import Line

F = TypeVar("F", bound=Callable[..., Any])

LONG_LENGTH = 100_000  # records of ledgers, or bytes of replays: from there on a terminal gets a progress bar

_reattribute_option = click.option(
    "--reattribute/--as-recorded",
    default=None,
    help="Attribute flows anew, or leave attributions as recorded. By default anew where --as-of, --data, "
    "--catalog, --geoip or --location is given.",
)
replayed_option = click.option(
    "--replayed", type=FILE, metavar="DIR", help="Judge what `replay --out DIR` left, in place of a ledger."
)


class Attributing(msgspec.Struct, frozen=True):
    """By what flows are to be attributed anew, if they are."""

    catalogs: Sequence[Path]
    geoips: Sequence[Path]
    site: Site | None
    data: Path | None
    as_of: dt.date | None
    reattribute: bool | None

    @property
    def anew(self) -> bool:
        """Whether flows are attributed anew. Raises UsageError where the options contradict each other."""
        asked = {
            "--as-of": self.as_of,
            "--data": self.data,
            "--geoip": self.geoips,
            "--location": self.site,
        }
        named = [name for name, value in asked.items() if value]
        if self.reattribute is False and named:
            raise click.UsageError(f"--as-recorded leaves no use for {named[0]}: drop one of them")
        if self.reattribute is None:
            return bool(named or self.catalogs)
        return self.reattribute

    def knowledge(self) -> app.Knowledge:
        """Return what there is to attribute by, and say what is odd. Raises InputError or DocumentError."""
        if not self.anew:
            return app.load_knowledge(catalogs=self.catalogs)
        choice = DataChoice(self.data, self.as_of)
        knowledge = app.load_knowledge(None, self.catalogs, self.geoips, choice)
        warn(knowledge.notes)
        return app.with_physics(knowledge, self.site)


def attributing_options(command: F) -> F:
    """Give a command the options of `Attributing`; ``attributing`` collects them."""
    options = (
        catalog_option,
        geoip_option,
        location_option,
        data_option,
        as_of_option,
        _reattribute_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


class Policies(msgspec.Struct, frozen=True):
    """Who says what would be, and who says what was: null where that is as recorded."""

    policy: Policy
    before: Policy | None = None


def policy_of(path: Path, knowledge: app.Knowledge) -> Policy:
    """Return a policy, and print the warnings about it. Raises InputError or DocumentError."""
    policy, warnings = app.load_policy(path, knowledge.catalog)
    warn(warnings)
    return policy


def judged_again(
    inputs: Sequence[Records],
    policies: Policies,
    knowledge: app.Knowledge,
    changed: Callable[[Line], object] | None = None,
    *,
    anew: bool,
) -> Summary:
    """Judge again what the inputs recorded, with a progress bar; ``changed`` is told of what changes."""
    before = policies.before
    pipeline = Pipeline(knowledge.catalog, None, knowledge.aids()) if anew else None
    judging = Judging(
        Judge(policies.policy),
        Judge(before) if before is not None else None,
        pipeline.again if pipeline is not None else None,
    )
    gc.freeze()  # all that was loaded stays, and need not be looked through for garbage again and again
    with _progress(inputs) as progress:
        found = rejudge(inputs, judging, changed, progress)
    return summarise(_versions(knowledge, policies, anew=anew), *found)


def _versions(knowledge: app.Knowledge, policies: Policies, *, anew: bool) -> Versions:
    selection = knowledge.selection
    return Versions(
        tool=__version__,
        policy=policies.policy.version,
        before=policies.before.version if policies.before is not None else None,
        catalogue=knowledge.catalog.version,
        attribution="made anew" if anew else "as recorded",
        datasets=knowledge.datasets if anew else (),
        as_of=str(selection.as_of) if selection is not None and selection.as_of is not None else None,
        location=str(knowledge.physics.site) if knowledge.physics is not None else None,
    )


def opened(ledger: Path | None, replayed: Path | None) -> list[Records]:
    """Open what was recorded; what cannot be opened ends the command."""
    if (ledger is None) == (replayed is None):
        raise click.UsageError("name a ledger, or --replayed DIR: one of them")
    try:
        return records_of(ledger, replayed)
    except InputError as error:
        raise Failure(str(error), Exit.UNREADABLE) from None


@contextmanager
def _progress(inputs: Sequence[Records]) -> Iterator[Progress | None]:
    """Show a progress bar on a terminal while long ledgers are read."""
    total = sum(each.length for each in inputs) if sys.stderr.isatty() else 0
    if total < LONG_LENGTH:
        yield None
        return
    with click.progressbar(length=total, label="judging", file=sys.stderr, show_pos=False) as bar:
        yield bar.update
