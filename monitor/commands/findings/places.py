"""Where findings are read from: a daemon's state folder, or a replay's file; and which one is meant."""

import difflib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from monitor.commands.base import FILE, Failure, config_option, warn
from monitor.exitstatus import Exit
from monitor.files import InputError, read_source, unreadable
from monitor.findings.transitions import CLOSED
from monitor.findings.types import Finding
from monitor.fleet.folders import LEDGER, STATE, folder_of, partitions_in
from monitor.fleet.settings import is_fleet, load_fleet
from monitor.outbox.reading import OutboxReader
from monitor.policy.words import SEVERITIES
from monitor.settings import Settings, load_settings

F = TypeVar("F", bound=Callable[..., Any])

MAX_LINE = 4_194_304  # bytes of one finding
SHOWN = 5  # identifiers that an error lists

_state_option = click.option(
    "--state",
    type=FILE,
    metavar="DIR",
    help="A daemon's state folder, or that of a fleet's partitions, in place of a configuration.",
)
_ledger_option = click.option(
    "--ledger", type=FILE, metavar="DIR", help="A ledger, or the folder of all tenants', where it is another."
)
file_option = click.option(
    "--file", "file", type=FILE, metavar="FILE", help="The findings.jsonl that a replay left."
)


def place_options(command: F) -> F:
    """Add the options that say whose findings are meant."""
    return config_option(_state_option(_ledger_option(command)))


class Place(msgspec.Struct, frozen=True):
    """Whose findings are meant: a daemon's, a file's, or a fleet's, whose ``partitions`` each have some."""

    state: Path | None = None
    ledger: Path | None = None
    settings: Settings | None = None
    config: Path | None = None
    file: Path | None = None
    partitions: tuple["Place", ...] = ()
    is_partition: bool = False

    def findings(self) -> list[Finding]:
        """Return all findings, worst first. Ends the command where they cannot be read."""
        return [finding for finding, _ in self.located()]

    def located(self) -> list[tuple[Finding, "Place"]]:
        """Return the same, each with the place that has it."""
        try:
            found = [(finding, each) for each in self.partitions or (self,) for finding in each._found()]  # noqa: SLF001  its own
        except InputError as error:
            raise Failure(str(error), Exit.UNREADABLE) from None
        return sorted(found, key=lambda each: _rank(each[0]))

    def one(self, identifier: str) -> tuple[Finding, "Place"]:
        """Return the finding that an identifier fits, with the place that has it. See `one_of`."""
        located = self.located()
        finding = one_of([each for each, _ in located], identifier)
        return next(each for each in located if each[0] is finding)

    def reader(self) -> OutboxReader:
        """Open the state folder. Raises OutboxError."""
        if self.state is None:
            raise click.UsageError("a file is no state folder; give --config or --state")
        reader = OutboxReader(self.state)
        warn([reader.note] if reader.note else [])
        return reader

    def _found(self) -> Iterable[Finding]:
        if self.file is not None:
            return _in_file(self.file)
        reader = self.reader()
        try:
            return list(reader.findings())
        finally:
            reader.close()


def place_of(
    config: Path | None, state: Path | None, ledger: Path | None = None, file: Path | None = None
) -> Place:
    """Return the place that options name: one of them. Raises InputError, DocumentError, Failure."""
    if sum(each is not None for each in (config, state, file)) != 1:
        raise click.UsageError(
            "say whose findings: --config FILE or --state DIR (a daemon's), or --file FILE (a replay's)"
        )
    if state is not None and (partitions := fleet_in(state)):
        return partitions
    if config is None:
        return Place(state=state, ledger=ledger, file=file)
    if is_fleet(read_source(config)):
        root = load_fleet(config).root
        found = fleet_in(root)
        if found is None:
            mend = "start `residency correlate`, or see `root:`"
            raise Failure(f"{root}: nothing is recorded yet; {mend}", Exit.UNREADABLE)
        return found
    settings = load_settings(config)
    return Place(settings.state, ledger or settings.ledger, settings, config)


def fleet_in(root: Path) -> Place | None:
    """Return the place of a fleet whose partitions have their folders there, None where there are none."""
    try:
        numbers = partitions_in(root)
    except OSError:  # whoever reads it says why
        return None
    folders = [folder_of(root, number) for number in numbers]
    parts = tuple(Place(folder / STATE, folder / LEDGER, is_partition=True) for folder in folders)
    return Place(partitions=parts) if parts else None


def one_of(findings: Sequence[Finding], given: str) -> Finding:
    """Return the finding that an identifier or its beginning fits. Ends the command where none does."""
    wanted = given.strip().lower()
    fitting = [each for each in findings if each.id.lower().startswith(wanted)] if wanted else []
    exact = [each for each in fitting if each.id.lower() == wanted]
    if len(exact or fitting) == 1:
        return (exact or fitting)[0]
    if fitting:
        raise Failure(
            f"{given}: {len(fitting):,} findings begin like that; write more of it: {_named(fitting)}",
            Exit.USAGE,
        )
    alike = difflib.get_close_matches(wanted, [each.id.lower() for each in findings], SHOWN, 0.5)
    close = [each for each in findings if each.id.lower() in alike]
    mend = f"did you mean {_named(close)}?" if close else "see `residency findings list --all`"
    raise Failure(f"{given}: no finding has this identifier; {mend}", Exit.USAGE)


def is_open(finding: Finding) -> bool:
    """Tell whether there is still something to do about a finding."""
    return finding.state not in CLOSED


def _named(findings: Sequence[Finding]) -> str:
    more = ", ..." if len(findings) > SHOWN else ""
    return ", ".join(each.id for each in findings[:SHOWN]) + more


def _rank(finding: Finding) -> tuple[bool, int, int, str]:
    return not is_open(finding), SEVERITIES.index(finding.severity), finding.first_ns, finding.id


def _in_file(path: Path) -> Iterable[Finding]:
    """Return the findings of a file, one a line. Raises InputError."""
    decode = msgspec.json.Decoder(Finding).decode
    found: list[Finding] = []
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE):
                number += 1
                found.append(decode(line))
    except OSError as error:
        raise unreadable(path, error) from None
    except msgspec.DecodeError as error:
        problem = f"line {number}: no finding ({error})"
        raise InputError(str(path), problem, "name the findings.jsonl of a replay") from None
    return found
