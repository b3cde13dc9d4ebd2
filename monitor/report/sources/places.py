"""Tells what a path is: a replay, a ledger or several, or a file of findings."""

from pathlib import Path

import msgspec
from msgspec import UNSET, UnsetType

from monitor.exports import DECISIONS, FINDINGS
from monitor.files import InputError, unreadable
from monitor.ledger.reader import NoLedgerError, ledgers_in
from monitor.rejudge.lines import bounded_lines
from monitor.rejudge.records import decoded
from monitor.report.sources.files import FindingsSource
from monitor.report.sources.ledgers import LedgerSource
from monitor.report.sources.replays import ReplaySource
from monitor.report.sources.source import MAX_LINE_BYTES, Source

MAX_INPUTS = 1_000
LOOKED_AT = 20  # lines, before a file's name decides
MEND = (
    "name a folder that `residency replay --out` left, a ledger or the folder that holds those of all"
    " tenants, or a findings.jsonl; of a capture make a folder first: `residency replay FILE --out DIR`"
)


class _Head(msgspec.Struct):
    """What tells decisions from findings."""

    connection: msgspec.Raw | UnsetType = UNSET
    opened_ns: msgspec.Raw | UnsetType = UNSET
    change: msgspec.Raw | UnsetType = UNSET


_head = msgspec.json.Decoder(_Head)


def sources_at(paths: tuple[Path, ...]) -> list[Source]:
    """Return the inputs at paths, in order. Raises InputError, also where one stands twice."""
    found: list[Source] = []
    places: set[Path] = set()
    for path in paths:
        for source in _sources(path):
            place = source.path.resolve()
            home = place.parent if place.name == DECISIONS else place
            if home in places:
                raise InputError(str(path), "it is an input already", "name each input once")
            places.add(home)
            found.append(source)
            if len(found) > MAX_INPUTS:
                mend = "make a report of one tenant, or of fewer inputs"
                raise InputError(str(path), f"more than {MAX_INPUTS:,} inputs", mend)
    return found


def _sources(path: Path) -> list[Source]:
    try:
        if not path.is_dir():
            return [_file(path)]
        if (path / DECISIONS).is_file():
            return [ReplaySource(path)]
        if (path / FINDINGS).is_file():
            return [FindingsSource(path / FINDINGS)]
    except OSError as error:
        raise unreadable(path, error) from None
    try:
        return [LedgerSource(folder) for folder in ledgers_in(path)]
    except NoLedgerError:
        raise InputError(str(path), "neither a replay nor a ledger is there", MEND) from None


def _file(path: Path) -> Source:
    """Return what a file is, by its first lines that tell, else by its name. Raises InputError."""
    try:
        with path.open("rb") as file:
            for _, line in zip(range(LOOKED_AT), bounded_lines(file, MAX_LINE_BYTES), strict=False):
                head = decoded(line, _head)
                if head is not None and head.connection is not UNSET:
                    return ReplaySource(path)
                if head is not None and (head.opened_ns is not UNSET or head.change is not UNSET):
                    return FindingsSource(path)
    except OSError as error:
        raise unreadable(path, error) from None
    if path.name == DECISIONS:
        return ReplaySource(path)
    if path.name == FINDINGS:
        return FindingsSource(path)
    raise InputError(str(path), "neither decisions nor findings are in it", MEND)
