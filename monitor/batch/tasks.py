"""What a worker does: it looks through a unit, or reads a segment. Doing it twice changes nothing.

What was found before is not looked for again. A file that has the same size, time and place as before is
taken to have the same bytes.
"""

import errno
import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import msgspec

from monitor import __version__
from monitor.batch import objects
from monitor.batch.store import Store, address, identity
from monitor.batch.types import Place, Read, Segment, Surveyed, Unit
from sensors import parts
from sensors.capture import path_text
from sensors.partition import Part, PartRead


@cache
def engine() -> str:
    """Return what finds here: the tool, the form of its files, and the engine's own bytes."""
    from sensors import _native  # noqa: PLC0415  absent where it was not built

    digest = hashlib.sha256(Path(str(_native.__file__)).read_bytes()).hexdigest()
    return address(__version__, _native.PARTS_FORM, digest)


def _check_engine(place: Place) -> None:
    if engine() != place.engine:
        problem = "this worker has another version of residency-monitor, or of its engine"
        raise OSError(errno.EINVAL, problem, __file__)


def find_cuts(job: tuple[Unit, Place, int]) -> list[int] | None:
    """Return where a file can be cut into pieces of about so many bytes; None where it cannot."""
    unit, place, piece_bytes = job
    store = Store(Path(place.folder))
    path = Path(unit.paths[0])
    try:
        name = address("cuts", identity(path, None), piece_bytes)
        known = store.get(name, list[int])
        found = known if known is not None else parts.cuts(path, piece_bytes)
    except OSError:
        return None  # whoever looks through it says what is wrong
    if found is not None and known is None:
        store.put(name, found)
    return found


def survey(job: tuple[Unit, Place]) -> Surveyed:
    """Look through a unit. Raises OSError where the store cannot be written, or an object not be fetched."""
    unit, place = job
    _check_engine(place)
    store = Store(Path(place.folder))
    with ExitStack() as stack:
        files = _Files(unit, store, stack)
        content = files.content()
        name = address("survey", place.engine, content)
        found = store.get(name, Surveyed) if content else None
        if found is None:
            found = _scan(files.paths(), unit, store, content)
            if content:
                store.put(name, found)
    return _under_its_names(found, unit)


def read(job: tuple[Segment, Place]) -> Read:
    """Read a segment. Raises OSError where the store cannot be written, or an object not be fetched."""
    segment, place = job
    _check_engine(place)
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
    done = store.get(name, PartRead)
    if done is not None and store.path(name, "said").exists() and store.path(name, "left").exists():
        return Read(name, done)
    crossing = tuple(store.read_blob(blob) for blob in segment.crossing)
    with ExitStack() as stack:
        files = _Files(segment.unit, store, stack)
        texts = tuple(map(str, files.paths()))
        part = Part(texts, segment.unit.piece, segment.before_ns, segment.tunnels, crossing)
        said, left = (stack.enter_context(_new_file(store, name)) for _ in range(2))
        done = parts.read(part, place.limits, said, left)
        files.check(segment.contents)
        store.keep(said, name, "said")
        store.keep(left, name, "left")
    store.put(name, done)
    return Read(name, done, anew=True)


class _Files:
    """The files of a unit, fetched only when their bytes are needed."""

    def __init__(self, unit: Unit, store: Store, stack: ExitStack) -> None:
        self._unit, self._store, self._stack = unit, store, stack
        self._paths: list[Path] | None = None
        # By which packets of the same time are put in order.
        self._ranks = {path: rank for rank, path in enumerate(sorted(unit.paths, key=Path))}

    def paths(self) -> list[Path]:
        """Return where the bytes are, on this worker's disk."""
        if self._paths is None:
            here = [objects.here(path, self._ranks[path]) for path in self._unit.paths]
            self._paths = [self._stack.enter_context(each) for each in here]
        return self._paths

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
            raise OSError(errno.EBUSY, "it changed while it was read", self._unit.paths[0])

    def _content(self, at: int, path: str) -> str:
        piece = self._unit.piece
        seen = objects.identity(path) if objects.is_remote(path) else identity(Path(path), piece)
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
