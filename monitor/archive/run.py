"""Archives what is new in ledgers and replays, deletes what was kept long enough, and merges small parts.

Each step is whole or not there: whoever runs it again after it died goes on from the last commit.
"""

import datetime as dt
import importlib.util
from collections.abc import Sequence
from pathlib import Path

import msgspec

from monitor.archive.compacting import compact
from monitor.archive.erasing import Deleted, erase, expire
from monitor.archive.layout import MAX_TENANT_BYTES
from monitor.archive.ledgers import LedgerFeed
from monitor.archive.noting import note, read_notes
from monitor.archive.parts import UnwritableError
from monitor.archive.replays import ReplayFeed
from monitor.archive.store import Archive
from monitor.archive.types import Mark, Noted
from monitor.archive.writing import Gathering
from monitor.exports import DECISIONS
from monitor.files import InputError
from monitor.ledger.days import DAY_NS
from monitor.ledger.names import tenant_folder
from monitor.ledger.reader import ledgers_in
from monitor.ledger.retention import KeptDays
from monitor.parquet import MissingExtraError
from monitor.rejudge.reading import Reading
from monitor.rejudge.records import Progress
from monitor.rejudge.summary import Input

COMMIT_EVERY = 50  # merges, each of which leaves its old parts on the disk until then
_EPOCH = dt.date(1970, 1, 1)


class Archived(msgspec.Struct, frozen=True):
    """What a run came to: rows that are new, replays that were there already, what was deleted, merged."""

    input: Input
    rows: int
    known: int
    deleted: tuple[Deleted, ...]
    merged: int
    parts: int
    noted: Noted


def require_archive(*packages: str) -> None:
    """Raise MissingExtraError unless an archive can be written and asked."""
    if any(importlib.util.find_spec(name) is None for name in packages):
        raise MissingExtraError(
            "the archive needs the archive extra; install it: pip install 'residency-monitor[archive]'"
        )


class Inputs:
    """What is to be archived: ledgers, and what replays left. ``length`` is in entries and bytes."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Open all. Raises InputError."""
        self.paths = tuple(map(str, paths))
        self.reading = Reading()
        self.feeds: list[LedgerFeed | ReplayFeed] = []
        for path in paths:
            if path.is_file() or (path / DECISIONS).exists():
                self.feeds.append(ReplayFeed(path, self.reading))
            else:
                self.feeds += [_opened(folder, self.reading) for folder in ledgers_in(path)]

    @property
    def length(self) -> int:
        """How much there is to be read, as progress is told."""
        return sum(feed.length for feed in self.feeds)


def archive(
    archive: Archive, inputs: Inputs, kept_days: KeptDays, now_ns: int, progress: Progress
) -> Archived:
    """Bring an archive up to date. A ledger that cannot be read on is a fault, and the next one comes.

    Raises InputError where the archive cannot be written, or its notes on deletions are not what they were.
    """
    read_notes(archive.root, archive.noted)  # nothing is noted behind what was changed
    gathering, known = Gathering(archive), 0
    for feed in inputs.feeds:
        try:
            if isinstance(feed, LedgerFeed):
                _ledger(archive, gathering, feed, now_ns, progress)
            elif feed.key in archive.replays:
                known += 1
            else:
                _replay(archive, gathering, feed, progress)
        except UnwritableError:
            raise
        except InputError as error:
            inputs.reading.faults.append(str(error))
    deleted = [*erase(archive), *expire(archive, kept_days, now_ns)]
    archive.noted = note(archive.root, archive.noted, deleted, now_ns)
    archive.commit()
    merged = 0
    for count, parts in enumerate(compact(archive, _EPOCH + dt.timedelta(days=now_ns // DAY_NS)), 1):
        merged += parts
        if not count % COMMIT_EVERY:
            archive.commit()
            archive.sweep()
    archive.commit()
    archive.sweep()
    total = inputs.reading.total(inputs.paths)
    return Archived(total, gathering.rows, known, tuple(deleted), merged, len(archive.parts), archive.noted)


def _ledger(
    archive: Archive, gathering: Gathering, ledger: LedgerFeed, now_ns: int, progress: Progress
) -> None:
    """Archive what is new in a ledger, and commit it as it goes: what comes before an error counts."""
    ledger.begin(archive.ledgers.get(ledger.key, Mark()))

    def commit() -> None:
        gathering.write()
        archive.ledgers[ledger.key] = ledger.mark
        archive.erasures += tuple(ledger.erasures)
        ledger.erasures.clear()
        archive.commit()

    try:
        for found in ledger.rows(now_ns, progress):
            if gathering.add(found):
                commit()
    except UnwritableError:
        raise
    except InputError:
        commit()
        raise
    commit()


def _replay(archive: Archive, gathering: Gathering, replay: ReplayFeed, progress: Progress) -> None:
    """Archive a replay: all of it, or nothing."""
    before, parts = gathering.rows, dict(archive.parts)
    try:
        for found in replay.rows(progress):
            if gathering.add(found):
                gathering.write()
    except InputError:
        gathering.drop(before)
        archive.parts = parts
        raise
    gathering.write()
    archive.replays[replay.key] = gathering.rows - before
    archive.commit()


def _opened(folder: Path, reading: Reading) -> LedgerFeed:
    feed = LedgerFeed(folder, reading)
    if len(tenant_folder(feed.tenant)) > MAX_TENANT_BYTES:
        raise InputError(
            str(folder),
            f"its tenant's name is longer than {MAX_TENANT_BYTES} bytes",
            "archive the others one by one",
        )
    return feed
