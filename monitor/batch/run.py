"""A replay in parts: units are surveyed, segments read, and what all said is put together here meanwhile.

Where it is not sure that this comes to the same bytes, one reader reads it all, and a line says why.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from monitor import replaying
from monitor.app import Knowledge
from monitor.batch import cutting, objects, planning, tasks
from monitor.batch.manifest import Manifest, write_manifest
from monitor.batch.mends import mended
from monitor.batch.store import Store
from monitor.batch.types import Known, Place, Read, Segment, Surveyed, Unit
from monitor.batch.workers import Workers
from monitor.files import InputError
from monitor.replaying import Reading, Replayed
from sensors import parts
from sensors.connections import Seen
from sensors.engine import Options, Progress, Sensor
from sensors.interest import Interest
from sensors.observations import Fault
from sensors.partition import InexactError
from sensors.parts import Crossed, ReadPart, Stitched
from sensors.paths import expand_paths

J = TypeVar("J")
R = TypeVar("R")

PIECE_BYTES = 128 * 1024 * 1024


class Batch(msgspec.Struct, frozen=True):
    """How a capture is read in parts. ``say`` gets the line that says why it was not.

    A file is cut when it is larger than twice ``piece_bytes``; what is smaller is read together.
    """

    workers: Workers
    folder: Path
    say: Callable[[str], object]
    piece_bytes: int = PIECE_BYTES


def replay(
    paths: Sequence[str], knowledge: Knowledge, batch: Batch, out: Path | None, progress: Progress | None
) -> Replayed:
    """Replay captures. Raises InputError, MissingExtraError."""
    named = [Path(path) if not objects.is_remote(path) else path for path in map(objects.local, paths)]
    opener = partial(opened, batch)
    try:
        return replaying.replay(named, knowledge, Reading(opened=opener), out, progress)
    except InexactError as error:
        local = [path for path in named if isinstance(path, Path)]
        if len(local) < len(named):
            mend = "copy the captures here, and replay them without --workers"
            raise InputError("captures", f"they cannot be read in parts: {error}", mend) from None
        batch.say(f"reading all on one core, since parts might not come to the same: {error}")
        return replaying.replay(local, knowledge, Reading("native"), out, progress)


def opened(batch: Batch, paths: Sequence[Path | str], options: Options, progress: Progress | None) -> Sensor:
    """Read captures in parts. Raises InexactError, InputError."""
    if options.interest is None:
        raise InexactError("nothing says what is of interest")
    with mended(batch.folder):
        crossed = _Work(batch, options, progress).crossed(paths)
        return _Together(crossed, options, options.interest, batch.folder)


class _Together(Stitched):
    """Parts, put together; what is wrong with their files is an InputError."""

    def __init__(self, crossed: Crossed, options: Options, interest: Interest, folder: Path) -> None:
        super().__init__(crossed, options, interest)
        self._folder = folder

    def __iter__(self) -> Iterator[Sequence[Seen]]:
        with mended(self._folder):
            yield from super().__iter__()


class _Work:
    """One replay's way from paths to parts that were read."""

    def __init__(self, batch: Batch, options: Options, progress: Progress | None) -> None:
        self._batch = batch
        self._place = Place(str(batch.folder.resolve()), tasks.engine(), options.limits)
        self._store = Store(Path(self._place.folder))
        self._progress = progress
        self._halves = 0

    def crossed(self, paths: Sequence[Path | str]) -> Crossed:
        """Return all parts, which are read as they are asked for."""
        files = self._cut([self._file(path) for path in _expanded(paths)])
        surveyed = self._survey([unit for units in files for unit in units])
        units = self._in_order(files, surveyed)
        reason = planning.inexact(units)
        if reason:
            raise InexactError(reason)
        spans = [unit.found.span_ns for unit in units if unit.found.span_ns is not None]
        ends = planning.clocks(units)
        return Crossed(
            parts=self._read(units, self._segments(units)),
            faults=tuple(_faults(surveyed)),
            span_ns=(min(first for first, _ in spans), max(last for _, last in spans)) if spans else None,
            end_ns=ends[-1] if ends else 0,
        )

    def _read(self, units: Sequence[Known], segments: Sequence[Segment]) -> Generator[ReadPart]:
        """Yield the segments, read, in their order; then leave the manifest."""
        read: list[Read] = []
        jobs = [(each, self._place) for each in segments]
        with closing(self._each(tasks.read, jobs, [s.unit for s in segments])) as done:
            for segment, one in zip(segments, _one_by_one(done), strict=True):
                read.append(one)
                said, left = (self._store.path(one.address, kind) for kind in ("said", "left"))
                yield ReadPart(said, left, segment.packets, one.part)
            manifest = Manifest(self._place.engine, tuple(units), tuple(segments), tuple(read))
            write_manifest(self._batch.folder, manifest)

    def _file(self, file: tuple[str, int]) -> Unit:
        path, size_bytes = file
        if not objects.is_remote(path) and _is_special(Path(path)):
            raise InexactError(f"{path} can be read only once")
        return Unit((path,), None, size_bytes)

    def _cut(self, files: Sequence[Unit]) -> list[list[Unit]]:
        """Cut the large files that can be cut."""
        limit_bytes = 2 * self._batch.piece_bytes
        large = [unit for unit in files if unit.size_bytes > limit_bytes]
        jobs = [(unit, self._place, self._batch.piece_bytes) for unit in large]
        cuts = dict(zip(large, self._all(cutting.find_pieces, jobs, ()), strict=True))
        return [cuts.get(unit) or [unit] for unit in files]

    def _survey(self, units: Sequence[Unit]) -> dict[Unit, Surveyed]:
        found = self._all(tasks.survey, [(unit, self._place) for unit in units], units)
        return dict(zip(units, found, strict=True))

    def _in_order(self, files: Sequence[Sequence[Unit]], surveyed: dict[Unit, Surveyed]) -> list[Known]:
        """Return the units in the order of their packets; what overlaps in time is surveyed together."""
        with_packets = []
        for units in files:
            known = [planning.known(unit, surveyed[unit]) for unit in units]
            held = [one for one in known if one is not None]
            if held:
                with_packets.append(held)
        groups = planning.together(with_packets)
        unions = [unit for group in groups if (unit := planning.joined(group)) is not None]
        found = self._survey(unions)
        ordered: list[Known] = []
        for group in groups:
            union = planning.joined(group)
            one = planning.known(union, found[union]) if union is not None else None
            ordered.extend([one] if one is not None else group)
        return ordered

    def _segments(self, units: Sequence[Known]) -> list[Segment]:
        clocks = planning.clocks(units)
        alive = self._alive(units, clocks)
        tunnels = any(unit.found.hides for unit in units)
        segments = []
        for places in planning.bundles(units, self._batch.piece_bytes):
            inside = [units[at] for at in places]
            before = places.start - 1
            ends = [alive[before]] if before >= 0 else []
            pairs = {unit.found.pairs for unit in inside}
            segments.append(
                Segment(
                    unit=planning.merged(inside),
                    contents=tuple(unit.found.content for unit in inside),
                    packets=sum(unit.found.packets for unit in inside),
                    before_ns=clocks[before] if before >= 0 else None,
                    tunnels=tunnels,
                    crossing=(*ends, alive[places.stop - 1], *sorted(pairs)),
                )
            )
        return segments

    def _alive(self, units: Sequence[Known], clocks: Sequence[int]) -> list[str]:
        """Return for each unit the conversations that may go on behind it."""
        names: list[str] = []
        before = b""
        for unit, end_ns in zip(units, clocks, strict=True):
            before = parts.carry(self._store.read_blob(unit.found.alive), before, end_ns)
            names.append(self._store.blob(before))
        return names

    def _all(self, function: Callable[[J], R], jobs: Sequence[J], units: Sequence[Unit]) -> list[R]:
        """Let workers do the jobs; return what came of each."""
        return list(_one_by_one(self._each(function, jobs, units)))

    def _each(
        self, function: Callable[[J], R], jobs: Sequence[J], units: Sequence[Unit]
    ) -> Generator[tuple[int, R]]:
        """Let workers do the jobs, and tell of the progress: a file is gone through twice."""
        with closing(self._batch.workers.each(function, jobs)) as done:
            for at, result in done:
                if self._progress is not None and units:
                    self._halves += units[at].size_bytes
                    self._progress(self._halves // 2)
                    self._halves %= 2
                yield at, result


def _one_by_one(done: Iterable[tuple[int, R]]) -> Iterator[R]:
    """Yield what came of jobs in the order of their places."""
    waiting: dict[int, R] = {}
    due = 0
    for at, result in done:
        waiting[at] = result
        while due in waiting:
            yield waiting.pop(due)
            due += 1


def _expanded(paths: Sequence[Path | str]) -> Iterator[tuple[str, int]]:
    """Yield the files and objects that paths mean, in the order of their paths, with their sizes."""
    local = sorted(expand_paths([path for path in paths if isinstance(path, Path)]))
    for path in local:
        try:
            size_bytes = path.stat().st_size
        except OSError:
            size_bytes = 0
        yield str(path), size_bytes
    remote = {file: None for path in paths if isinstance(path, str) for file in objects.expand(path)}
    yield from sorted(remote)


def _is_special(path: Path) -> bool:
    """Tell whether a path is a pipe's or a device's."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _faults(surveyed: dict[Unit, Surveyed]) -> Iterator[Fault]:
    for found in surveyed.values():
        yield from found.faults
