"""The store: a folder with every accepted version of every data set, its index, and compiled look-ups.

Versions are never changed or deleted. The index and every other file appear under their name only when they
are whole; readers need no lock, writers take turns.

    index.json                          which versions there are, and how the last attempts went
    versions/SOURCE/DATE-SHA256.EXT     the files as published; JSON and text packed by zstd
    compiled/KEY.mmdb                   the ranges of one choice of versions, made anew when missing
"""

import datetime as dt
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from monitor.datasets.folders import MEND, VARIABLE
from monitor.datasets.index import History, Index, Version, read_index, write_index
from monitor.datasets.sources import SOURCES, Source
from monitor.files import InputError, unreadable
from monitor.replacing import Replacing

SHORT_SHA = 12


class Chosen(msgspec.Struct, frozen=True):
    """One data set as of a day: the source, its version, and the days of the older ones."""

    source: Source
    version: Version
    path: Path
    older: tuple[dt.date, ...]

    def line(self) -> str:
        """The data set, its date and its hash, as a summary gives them."""
        return f"{self.version.dataset} (sha256 {self.version.sha256[:SHORT_SHA]})"


class Selection(msgspec.Struct, frozen=True):
    """The versions that are used together. ``notes`` say what has no version that is old enough."""

    folder: Path
    as_of: dt.date | None
    chosen: tuple[Chosen, ...]
    notes: tuple[str, ...]

    def ranges(self) -> tuple[Chosen, ...]:
        """The published ranges."""
        return tuple(each for each in self.chosen if each.source.kind == "ranges")

    def geoip(self) -> tuple[Chosen, ...]:
        """The GeoIP databases, first the one that is asked first."""
        return tuple(each for each in self.chosen if each.source.kind == "geoip")


class Store:
    """One folder of data sets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def index(self) -> Index | None:
        """The index; None where nothing was stored yet. Raises InputError."""
        return read_index(self.folder)

    def select(self, as_of: dt.date | None = None) -> Selection:
        """The newest version of each data set, not newer than ``as_of``. Raises InputError."""
        index = self.index()
        if index is None:
            raise InputError(str(self.folder), "no data sets in it", MEND)
        chosen: list[Chosen] = []
        notes: list[str] = []
        for source in SOURCES:
            history = index.sources.get(source.id)
            if history is None or not history.versions:
                continue
            version = history.as_of(as_of)
            if version is None:
                oldest = min(each.date for each in history.versions)
                notes.append(
                    f"{source.id} is not used: its oldest version is of {oldest}, not as old as {as_of}; "
                    f"import an older file: residency data import {source.id} FILE"
                )
                continue
            older = sorted({each.date for each in history.versions if each.date < version.date})
            chosen.append(Chosen(source, version, self.path(version), tuple(older)))
        return Selection(self.folder, as_of, tuple(chosen), tuple(notes))

    def path(self, version: Version) -> Path:
        """Where a version's file is."""
        return self.folder / "versions" / version.file

    def content(self, version: Version) -> bytes:
        """A version's file as it was published. Raises InputError when it is not what was stored."""
        path = self.path(version)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise unreadable(path, error) from None
        if path.suffix == ".zst":
            data = _unpacked(data, version.bytes)
        if hashlib.sha256(data).hexdigest() != version.sha256:
            mend = "restore it from a backup, or import the file again"
            raise InputError(str(path), "damaged: its SHA-256 is not the one in the index", mend)
        return data

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Take turns with other writers. Raises InputError when the folder cannot be written."""
        with _may_write(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            with _may_write(self.folder):
                yield
        finally:
            os.close(descriptor)

    def add(self, source: Source, version: Version, data: bytes) -> None:
        """Keep a version: its file first, then the index. Only while writing."""
        path = self.path(version)
        path.parent.mkdir(parents=True, exist_ok=True)
        with Replacing(path) as out:
            out.write(_packed(data) if path.suffix == ".zst" else data)
        index = self.index() or Index()
        index.sources.setdefault(source.id, History()).versions.append(version)
        write_index(self.folder, index)

    def note(self, source: Source, moment: str, error: str | None) -> None:
        """Count an attempt, and keep what went wrong with the last one. Only while writing."""
        index = self.index() or Index()
        history = index.sources.setdefault(source.id, History())
        history.attempts += 1
        history.last_attempt = moment
        history.last_error = error
        if error is None:
            history.last_success = moment
            history.failures_in_a_row = 0
        else:
            history.failures += 1
            history.failures_in_a_row += 1
        write_index(self.folder, index)


def file_of(source: Source, date: dt.date, sha256: str) -> str:
    """Where a version's file goes, below the folder of versions."""
    packed = "" if source.extension == "mmdb" else ".zst"
    return f"{source.id}/{date}-{sha256[:SHORT_SHA]}.{source.extension}{packed}"


@contextmanager
def _may_write(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        mend = f"make room, or choose another folder: --data DIR, or {VARIABLE}"
        raise InputError(str(folder), (error.strerror or str(error)).lower(), mend) from None


def _packed(data: bytes) -> bytes:
    import zstandard  # noqa: PLC0415  reading needs it only to compile

    return zstandard.ZstdCompressor(level=12).compress(data)


def _unpacked(data: bytes, size: int) -> bytes:
    """Unpack a file; one that is damaged gives nothing, and its hash says so."""
    import zstandard  # noqa: PLC0415

    try:
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=size)
    except zstandard.ZstdError:
        return b""
