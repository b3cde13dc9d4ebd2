"""The archive's folder: its manifest, who may write, and who reads.

A writer puts new parts beside the old ones and then replaces the manifest: that is when they count. Parts
that count no more are deleted once nobody reads; whatever a writer left that died is deleted by the next one.
"""

import datetime as dt
import fcntl
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from monitor.archive.layout import TABLES
from monitor.archive.parts import PARTIAL, UnwritableError, remove
from monitor.archive.types import MANIFEST, Erasure, Manifest, Mark, Part
from monitor.files import InputError, unreadable
from monitor.ledger.disk import sync
from monitor.ledger.names import tenant_folder
from monitor.locking import hold, holder, sign
from monitor.replacing import Replacing

LOCK, READERS = ".lock", ".readers"
READERS_MODE = 0o644  # so far as the umask has it: whoever may read, may hold it
MAX_MANIFEST_BYTES = 1_073_741_824
_DIGEST, _PERIOD = re.compile(r"[0-9a-f]{64}"), re.compile(r"\d{4}-\d{2}(-\d{2})?", re.ASCII)
_decode = msgspec.json.Decoder(Manifest).decode


class Archive:
    """An archive that is written to. ``parts`` are those that count after the next `commit`."""

    def __init__(self, root: Path) -> None:
        """Take the folder; made where there is none. Raises InputError."""
        self.root = root
        try:
            root.mkdir(parents=True, exist_ok=True)
            lock = hold(root / LOCK)
            if lock is None:
                who = holder(root / LOCK)
                raise InputError(str(root), f"process {who} archives into it", "wait until it is done")
            self._lock = lock
            sign(root / LOCK)
            os.close(os.open(root / READERS, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, READERS_MODE))
        except OSError as error:
            raise unreadable(root, error) from None
        try:
            found = read_manifest(root)
        except InputError:
            os.close(lock)
            raise
        if found is None and _foreign(root):
            os.close(lock)
            raise InputError(str(root), "not empty, and no archive", "choose an empty folder, or a new one")
        manifest = found or Manifest()
        self.parts: dict[str, Part] = {part.path: part for part in manifest.parts}
        self.ledgers: dict[str, Mark] = dict(manifest.ledgers)
        self.replays: dict[str, int] = dict(manifest.replays)
        self.erasures: tuple[Erasure, ...] = manifest.erasures
        self.noted = manifest.noted

    def __enter__(self) -> Self:
        self.sweep()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._lock)

    def replace(self, old: Iterable[Part], new: Iterable[Part]) -> None:
        """Have parts count instead of others."""
        for part in old:
            self.parts.pop(part.path, None)
        self.parts.update({part.path: part for part in new})

    def commit(self) -> None:
        """Have the disk hold that these parts count, and no other. Raises UnwritableError."""
        manifest = Manifest(
            parts=tuple(self.parts[path] for path in sorted(self.parts)),
            ledgers=dict(sorted(self.ledgers.items())),
            replays=dict(sorted(self.replays.items())),
            erasures=self.erasures,
            noted=self.noted,
        )
        try:
            with Replacing(self.root / MANIFEST) as file:
                file.write(msgspec.json.encode(manifest) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            sync(self.root)
        except OSError as error:
            raise UnwritableError(
                str(self.root / MANIFEST), error.strerror or "cannot be written", "make room on its disk"
            ) from None

    def sweep(self) -> bool:
        """Delete files that do not count, unless somebody reads; tell whether that was done."""
        with _locked(self.root, fcntl.LOCK_EX | fcntl.LOCK_NB) as got:
            if not got:
                return False
            for table in TABLES:
                for path in _files(self.root / table):
                    name = str(path.relative_to(self.root))
                    if name not in self.parts:
                        remove(self.root, name)
        return True


@contextmanager
def reading(root: Path) -> Iterator[Manifest]:
    """Give what is in an archive, all of which stays while it is read. Raises InputError."""
    with _locked(root, fcntl.LOCK_SH):
        manifest = read_manifest(root)
        if manifest is None:
            raise InputError(
                str(root), f"no archive: it has no {MANIFEST}", "make one: residency archive --archive DIR"
            )
        yield manifest


def read_manifest(root: Path) -> Manifest | None:
    """Return what is in an archive, or None where there is none. Raises InputError."""
    path = root / MANIFEST
    try:
        with path.open("rb") as file:
            data = file.read(MAX_MANIFEST_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable(path, error) from None
    try:
        manifest = _decode(data)
        for part in manifest.parts:
            _check(part)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        mend = "restore it from a copy, or archive again into a new folder"
        raise InputError(str(path), f"damaged: {error}", mend) from None
    return manifest


def _check(part: Part) -> None:
    """Raise ValueError for a part that no archive has: its path could lead elsewhere."""
    if not (_DIGEST.fullmatch(part.name) and _PERIOD.fullmatch(part.place.period)):
        raise ValueError("a part that no archive has")
    for day in (part.first_day, part.last_day, f"{part.place.period}-01"[:10]):
        dt.date.fromisoformat(day)
    tenant_folder(part.place.tenant)


@contextmanager
def _locked(root: Path, how: int) -> Iterator[bool]:
    """Hold the readers' lock. Where there is none, or no right to it, the archive is one that stays."""
    try:
        file = os.open(root / READERS, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield True
        return
    try:
        try:
            fcntl.flock(file, how)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(file)


def _files(folder: Path) -> Iterator[Path]:
    """Yield what a writer put there: parts, whole or not."""
    for path in [*folder.rglob("part-*.parquet"), *folder.rglob(f".part-*{PARTIAL}")]:
        if not path.is_dir():
            yield path


def _foreign(root: Path) -> bool:
    """Tell whether a folder without a manifest holds what is not left of an archive's beginning."""
    ours = {LOCK, READERS, f".{MANIFEST}.partial", *TABLES}
    return any(path.name not in ours for path in root.iterdir())
