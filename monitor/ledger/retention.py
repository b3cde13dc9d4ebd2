"""Which payload files have been kept long enough, and what the ledger says of each before it is deleted."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from monitor.files import READ_FLAGS
from monitor.ledger.days import day_number, day_text, is_day_file, is_expired
from monitor.ledger.names import PAYLOADS, payload_path
from monitor.ledger.types import CLASSES, PayloadClass, Record

KeptDays = Callable[[PayloadClass], int | None]  # None: for good

_PIECE_BYTES = 1_048_576


class Expired(msgspec.Struct, frozen=True):
    """A payload file that retention deletes: how many entries' payloads, and how many bytes."""

    payload_class: PayloadClass
    day: str
    entries: int
    bytes: int

    @property
    def path(self) -> str:
        """Where it stands in the ledger."""
        return payload_path(self.payload_class, self.day)


class Erased(msgspec.Struct, frozen=True, rename={"payload_class": "class"}):
    """The payload of a "retention" record: from here on these payloads may be missing."""

    payload_class: PayloadClass
    day: str
    entries: int
    bytes: int


def expired(folder: Path, now_ns: int, kept_days: KeptDays) -> list[Expired]:
    """Return the files that were kept long enough, by class and day; never one of class "record".

    Raises OSError.
    """
    return [
        Expired(payload_class, name.removesuffix(".jsonl"), *_measured(path / name))
        for payload_class in CLASSES
        if payload_class != "record" and (days := kept_days(payload_class)) is not None
        for path in [folder / PAYLOADS / payload_class]
        for name in _day_files(path)
        if is_expired(name, now_ns, days)
    ]


def retention_record(file: Expired, now_ns: int) -> Record:
    """Return what the ledger says of a file that is about to be deleted."""
    payload = msgspec.json.encode(Erased(file.payload_class, file.day, file.entries, file.bytes))
    return Record("retention", now_ns, "record", day_text(day_number(now_ns)), payload)


def _day_files(folder: Path) -> Iterator[str]:
    try:
        names = os.listdir(folder)  # noqa: PTH208  names alone
    except FileNotFoundError:
        return
    yield from (name for name in sorted(names) if is_day_file(name))


def _measured(path: Path) -> tuple[int, int]:
    """Return how many lines and bytes a file has."""
    lines = size = 0
    file = os.open(path, READ_FLAGS)
    try:
        while piece := os.read(file, _PIECE_BYTES):
            lines, size = lines + piece.count(b"\n"), size + len(piece)
    finally:
        os.close(file)
    return lines, size
