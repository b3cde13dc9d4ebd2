"""What a worker does: it looks through a unit, or reads a segment. Doing it twice changes nothing.

What was found before is not looked for again. A file that has the same size, time and place as before is
taken to have the same bytes.
"""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import msgspec

from monitor import __version__
from monitor.batch import objects
from monitor.batch.held import Held, changed, hold
from monitor.batch.store import Store, address, identity
from monitor.batch.types import Kept, Place, Read, Segment, Surveyed, Unit
from monitor.files import InputError
from sensors import parts
from sensors.capture import path_text
from sensors.partition import Part


@cache
def engine() -> str:
    """Return what finds here: the tool, the form of its files, and the engine's own bytes."""
    from sensors import _native  # noqa: PLC0415  absent where it was not built

    digest = hashlib.sha256(Path(str(_native.__file__)).read_bytes()).hexdigest()
    return address(__version__, _native.PARTS_FORM, digest)


def check_engine(place: Place) -> None:
    """Raise InputError where this worker would find other things than those that were asked for."""
    if engine() != place.engine:
        problem = "one has another version of residency-monitor, or of its engine, than this process"
        raise InputError("workers", problem, "install the same one wherever they run")


def survey(job: tuple[Unit, Place]) -> Surveyed:
    """Look through a unit. Raises OSError where the store cannot be written, or an object not be fetched."""
    unit, place = job
    check_engine(place)
    return look(unit, place)


def look(unit: Unit, place: Place, held: Held | None = None) -> Surveyed:
    """Look through a unit, of which the bytes may have been fetched. Raises OSError as `survey` does."""
    store = Store(Path(place.folder))
    with ExitStack() as stack:
        files = _Files(unit, store, stack, [held] if held is not None else None)
        content = files.content()
        name = address("survey", place.engine, content)
        found = store.get(name, Surveyed) if content else None
        if found is None or not (store.has_blob(found.alive) and store.has_blob(found.pairs)):
            found = _scan(files.paths(), unit, store, content)
            if content:
                files.check((content,))
                store.put(name, found)
    return _under_its_names(found, unit)


def read(job: tuple[Segment, Place]) -> Read:
    """Read a segment. Raises OSError where the store cannot be written, or an object not be fetched."""
    segment, place = job
    check_engine(place)
    store = Store(Path(place.folder))
    name = address(
        "read",
        place.engine,
        place.limits,
        segment.contents,
        segment.before_ns,
        segment.tunnels,
        segment.crossing,
    )
    kept = store.get(name, Kept)
    if kept is not None and _is_whole(kept, store, name):
        return Read(name, kept.part)
    crossing = tuple(store.read_blob(blob) for blob in segment.crossing)
    with ExitStack() as stack:
        files = _Files(segment.unit, store, stack)
        texts = tuple(map(str, files.paths()))
        part = Part(texts, segment.unit.piece, segment.before_ns, segment.tunnels, crossing)
        said, left = (stack.enter_context(_new_file(store, name)) for _ in range(2))
        done = parts.read(part, place.limits, said, left)
        files.check(segment.contents)
        kept = Kept(done, said.stat().st_size, left.stat().st_size)
        store.keep(said, name, "said")
        store.keep(left, name, "left")
    store.put(name, kept)
    return Read(name, done, anew=True)


def _is_whole(kept: Kept, store: Store, name: str) -> bool:
    """Tell whether both files are as large as they were: not where they were deleted, or a host crashed."""
    sizes = kept.said_bytes, kept.left_bytes
    return (store.size_bytes(name, "said"), store.size_bytes(name, "left")) == sizes


class _Files:
    """The files of a unit, fetched only when their bytes are needed."""

    def __init__(
        self, unit: Unit, store: Store, stack: ExitStack, held: list[Held | None] | None = None
    ) -> None:
        self._unit, self._store = unit, store
        # By which packets of the same time are put in order.
        self._ranks = {path: rank for rank, path in enumerate(sorted(unit.paths, key=Path))}
        self._held = held or [
            stack.enter_context(hold(path, self._ranks[path])) if objects.is_remote(path) else None
            for path in unit.paths
        ]
        for one in self._held:
            if one is not None and unit.seen not in {"", one.identity}:
                raise changed(unit.paths[0])

    def paths(self) -> list[Path]:
        """Return where the bytes are, on this worker's disk."""
        for held in self._held:
            if held is not None:
                held.need(self._unit.piece.ranges if self._unit.piece is not None else held.all)
        return [
            held.file if held is not None else Path(path)
            for path, held in zip(self._unit.paths, self._held, strict=True)
        ]

    def content(self) -> str:
        """Return the hash of the bytes; empty where they cannot be read."""
        try:
            return _together(self.contents())
        except OSError:
            if any(map(objects.is_remote, self._unit.paths)):
                raise
            return ""

    def contents(self) -> list[str]:
        """Return the hashes of the files, by rank."""
        return [self._content(self._unit.paths.index(path), path) for path in self._ranks]

    def check(self, contents: tuple[str, ...]) -> None:
        """Raise OSError where the bytes are not those that were looked through."""
        now = self.contents()
        if (len(contents) == len(now) and sorted(contents) != sorted(now)) or (
            len(contents) == 1 and contents[0] != _together(now)
        ):
            raise changed(self._unit.paths[0])

    def _content(self, at: int, path: str) -> str:
        piece = self._unit.piece
        held = self._held[at]
        seen = address(held.identity, piece) if held is not None else identity(Path(path), piece)
        name = address("content", seen)
        content = self._store.get(name, str)
        if content is None:
            content = parts.content(self.paths()[at], piece)
            self._store.put(name, content)
        return content


def _together(hashes: list[str]) -> str:
    return hashes[0] if len(hashes) == 1 else address("files", hashes)


def _scan(paths: list[Path], unit: Unit, store: Store, content: str) -> Surveyed:
    scanned = parts.scan(paths, unit.piece)
    return Surveyed(
        content=content,
        packets=scanned.packets,
        begins_ns=scanned.begins_ns,
        span_ns=scanned.span_ns,
        steady=scanned.steady,
        hides=scanned.hides,
        overflow=scanned.overflow,
        delayed_files=scanned.delayed_files,
        alive=store.blob(scanned.alive),
        pairs=store.blob(scanned.pairs),
        faults=scanned.faults,
    )


def _under_its_names(found: Surveyed, unit: Unit) -> Surveyed:
    """Return what was found with the name that the file has here: the same bytes may have had another one."""
    if len(unit.paths) > 1:
        return msgspec.structs.replace(found, faults=())  # each file told its own
    name = path_text(Path(unit.paths[0])) if not objects.is_remote(unit.paths[0]) else unit.paths[0]
    faults = tuple(msgspec.structs.replace(fault, path=name) for fault in found.faults)
    return msgspec.structs.replace(found, faults=faults)


@contextmanager
def _new_file(store: Store, name: str) -> Iterator[Path]:
    file = store.new_file(name)
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)
