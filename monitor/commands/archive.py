"""`residency archive`: decisions of ledgers and replays as Parquet files, to be asked years later."""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from monitor.commands.base import FILE, Failure, clear_errors, config_option, warn
from monitor.commands.edge import reader_may_leave
from monitor.commands.terminal import echo, printable
from monitor.exitstatus import Exit
from monitor.files import InputError
from monitor.ledger.types import PayloadClass
from monitor.settings import load_settings
from monitor.wording import plural

if TYPE_CHECKING:
    from monitor.archive.erasing import Deleted
    from monitor.archive.run import Archived
    from monitor.ledger.retention import KeptDays
    from monitor.rejudge.records import Progress

LONG_LENGTH = 100_000  # entries and bytes: from there on a terminal gets a progress bar
_CLASSES = tuple(each for each in get_args(PayloadClass) if each != "record")
archive_option = click.option(
    "--archive", "folder", type=FILE, required=True, metavar="DIR", help="The archive's folder."
)


@click.command("archive")
@click.argument("paths", type=FILE, nargs=-1, metavar="[PATH]...")
@config_option
@archive_option
@click.option(
    "--keep", metavar="CLASS=DAYS,...", help="Delete what is older: violation=365,allow=7; beside --config."
)
def command(paths: Sequence[Path], config: Path | None, folder: Path, keep: str | None) -> None:
    """Archive what is new in ledgers and replays, as Parquet files that `residency query` asks.

    PATH is a ledger, the folder with those of all tenants, or what `replay --out DIR` left. --config names a
    daemon's ledgers, and how long each class is kept. The daemon may run; nothing is written to what is read.

    \b
    Examples:
      residency archive --config /etc/residency/residency.yaml \\
          --archive /var/lib/residency/archive
      residency archive audit/ ledger/acme --archive archive/
      residency archive --archive archive/ --keep violation=365,allow=7

    What is there already is not archived again. What is deleted, by --config or --keep or because a ledger
    erased it, is printed, and noted in the archive's deletions.jsonl.

    \b
    Exit status: 0 done; 2 usage, or the archive cannot be read or written;
    3 a ledger or replay cannot be read; 4 records that could not be archived.
    """
    from monitor.archive.run import require_archive  # noqa: PLC0415  loads what only this needs

    if not paths and config is None and keep is None:
        raise click.UsageError("name what to archive: --config FILE, or ledgers and replays")
    kept = _kept(keep)
    with clear_errors():
        require_archive("pyarrow")
        kept_days = _kept_days(config, kept)
        if config is not None:
            paths = [*paths, load_settings(config).ledger]
        archived = _archived(paths, folder, kept_days)
    warn(archived.input.faults)
    with reader_may_leave():
        echo(_lines(archived, folder))
    sys.exit(_status(archived))


def _archived(paths: Sequence[Path], folder: Path, kept_days: "KeptDays") -> "Archived":
    from monitor.archive.run import Inputs, archive  # noqa: PLC0415
    from monitor.archive.store import Archive  # noqa: PLC0415

    try:
        inputs = Inputs(paths)
    except InputError as error:
        raise Failure(str(error), Exit.UNREADABLE) from None
    with Archive(folder) as into, _progress(inputs.length) as progress:
        return archive(into, inputs, kept_days, time.time_ns(), progress)


def _kept(text: str | None) -> dict[str, int]:
    """Return what --keep says, in days by class."""
    found = {}
    for item in (text or "").split(","):
        name, _, days = item.strip().partition("=")
        if not item.strip():
            continue
        if name not in _CLASSES:
            raise click.UsageError(f"--keep: {name!r} is no class; they are {', '.join(_CLASSES)}")
        if not (days.isascii() and days.isdigit() and 1 <= int(days[:6]) <= 36_500):
            raise click.UsageError(f"--keep: {item.strip()!r}: write a number of days, 1 to 36500")
        found[name] = int(days)
    return found


def _kept_days(config: Path | None, kept: dict[str, int]) -> "KeptDays":
    """Return how long classes are kept: by --keep, or by the configuration, or for good."""
    retention = load_settings(config).config.ledger.retention_days if config is not None else None

    def days(payload_class: PayloadClass) -> int | None:
        if payload_class in kept or retention is None:
            return kept.get(payload_class)
        return int(getattr(retention, payload_class))

    return days


def _lines(archived: "Archived", folder: Path) -> Iterator[str]:
    """Yield what a run came to."""
    known = f"; {plural(archived.known, 'replay')} there already" if archived.known else ""
    yield f"{plural(archived.rows, 'row')} archived{known}"
    yield from _deletions(archived.deleted)
    if archived.deleted:
        noted = archived.noted
        where = printable(str(folder / "deletions.jsonl"))
        yield f"noted in {where}: {plural(noted.lines, 'line')}, the last with SHA-256 {noted.last}"
    if archived.merged:
        yield f"{plural(archived.merged, 'file')} merged"
    for erased in archived.input.erased:
        yield f"{plural(erased.decisions, 'decision')} erased before: class {erased.payload_class}"
    for name, count in archived.input.problems.items():
        yield f"{plural(count, 'record')} not archived: {name}"
    yield f"{plural(archived.parts, 'file')} in the archive"


def _deletions(deleted: Iterable["Deleted"]) -> Iterator[str]:
    """Yield a line for each class of a tenant that rows were deleted of."""
    sums: dict[tuple[str, str], list[Deleted]] = {}
    for each in deleted:
        tenant = "no tenant" if each.tenant is None else printable(each.tenant)
        sums.setdefault((tenant, each.payload_class), []).append(each)
    for (tenant, payload_class), found in sorted(sums.items()):
        first, last = min(each.first_day for each in found), max(each.last_day for each in found)
        rows = plural(sum(each.rows for each in found), "row")
        yield f"deleted {rows}: {tenant}, {payload_class}, {first} to {last}"


def _status(archived: "Archived") -> Exit:
    if archived.input.faults:
        return Exit.UNREADABLE
    return Exit.INCOMPLETE if archived.input.problems else Exit.DONE


@contextmanager
def _progress(length: int) -> Iterator["Progress"]:
    """Show a progress bar on a terminal while much is read."""
    if length < LONG_LENGTH or not sys.stderr.isatty():
        yield lambda _steps: None
        return
    with click.progressbar(length=length, label="archiving", file=sys.stderr, show_pos=False) as bar:
        yield bar.update
