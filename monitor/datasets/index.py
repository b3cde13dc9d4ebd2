"""The index of a store: which versions of each data set there are, and how the last attempts went."""

import datetime as dt
import re
from pathlib import Path
from typing import Literal

import msgspec

from monitor.datasets.folders import INDEX
from monitor.files import InputError, unreadable
from monitor.replacing import Replacing

SCHEMA = "residency-datasets/1"
MAX_INDEX_BYTES = 64 * 1024 * 1024
_FILE = re.compile(r"[a-z-]{1,32}/\d{4}-\d{2}-\d{2}-[0-9a-f]{12}\.(mmdb|json\.zst|txt\.zst)")
DatedBy = Literal["content", "file name", "import", "given"]


class Version(msgspec.Struct, frozen=True):
    """One version of a data set, as it was published on ``date``; ``sha256`` is of the file as published.

    ``prefixes`` are the different ones, of a GeoIP database the nodes of its tree. ``origin`` is an address
    or a file's name. ``file`` is its place below the folder of versions.
    """

    name: str
    date: dt.date
    dated_by: DatedBy
    sha256: str
    file: str
    bytes: int
    prefixes: int
    accepted: str
    origin: str
    etag: str | None = None
    last_modified: str | None = None

    @property
    def dataset(self) -> str:
        """The name and date that evidence gives."""
        return f"{self.name} {self.date}"

    def size(self) -> str:
        """How large it is, in words."""
        return f"{self.prefixes:,} {'nodes' if self.file.endswith('.mmdb') else 'prefixes'}"


class History(msgspec.Struct):
    """The versions of one source in the order they came, and its counters, which only grow."""

    versions: list[Version] = []
    attempts: int = 0
    failures: int = 0
    failures_in_a_row: int = 0
    last_attempt: str | None = None
    last_success: str | None = None
    last_error: str | None = None

    def as_of(self, day: dt.date | None) -> Version | None:
        """The newest version that is not newer than ``day``; of two of one day, the one that came last."""
        fitting = [each for each in self.versions if day is None or each.date <= day]
        return max(reversed(fitting), key=lambda each: each.date, default=None)


class Index(msgspec.Struct):
    """All sources of a store, by their id."""

    schema: str = SCHEMA
    sources: dict[str, History] = {}


def read_index(folder: Path) -> Index | None:
    """The index of a store; None where there is none. Raises InputError for one that cannot be used."""
    path = folder / INDEX
    try:
        with path.open("rb") as file:
            data = file.read(MAX_INDEX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unreadable(path, error) from None
    mend = "restore it from a backup, or move the folder away and import the files anew"
    try:
        index = msgspec.json.decode(data, type=Index)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(str(path), f"damaged ({error})", mend) from None
    if index.schema != SCHEMA:
        raise InputError(
            str(path), f"written in the form {index.schema!r:.40}", f"this version reads {SCHEMA}"
        )
    for history in index.sources.values():
        for version in history.versions:
            if not _FILE.fullmatch(version.file):
                raise InputError(str(path), f"names a file {version.file!r:.60} outside the store", mend)
    return index


def write_index(folder: Path, index: Index) -> None:
    """Put a new index in the place of the old one, whole or not at all."""
    with Replacing(folder / INDEX) as out:
        out.write(msgspec.json.format(msgspec.json.encode(index), indent=1) + b"\n")
