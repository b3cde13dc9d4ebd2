"""Cuts large captures into pieces. Doing it twice changes nothing, and what was cut before is not cut again.

A file is walked through here, and its pieces are looked through by all. An object's bytes come from afar: the
worker that walks through it looks through the pieces too, one after the other, and holds only one of them.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from monitor.batch import objects, planning, tasks
from monitor.batch.held import Held, hold
from monitor.batch.store import Store, address, identity
from monitor.batch.types import Place, Step, Unit
from sensors import parts
from sensors.partition import Piece

_AHEAD_BYTES = 1 << 20  # fetched beyond where a piece may end, since a packet has to end there


def find_pieces(job: tuple[Unit, Place, int]) -> list[Unit]:
    """Return pieces of about so many bytes that are a file or an object; none where it is not to be cut.

    Raises OSError where the store cannot be written, or an object not be fetched.
    """
    unit, place, piece_bytes = job
    tasks.check_engine(place)
    if objects.is_remote(unit.paths[0]):
        with hold(unit.paths[0]) as held:
            found = planning.pieces(
                unit.paths[0], list(_of_object(held, unit, place, piece_bytes)), held.identity
            )
    else:
        found = planning.pieces(unit.paths[0], _of_file(Path(unit.paths[0]), place, piece_bytes))
    return found if len(found) > 1 else []


def _of_file(path: Path, place: Place, piece_bytes: int) -> list[Piece]:
    store = Store(Path(place.folder))
    try:
        name = address("pieces", place.engine, identity(path, None), piece_bytes)
        known = store.get(name, list[Piece])
        found = known or parts.cut(path, Piece(0, path.stat().st_size), piece_bytes)
    except OSError:
        return []  # whoever looks through it says what is wrong
    if known is None:
        store.put(name, found)
    return found


def _of_object(held: Held, unit: Unit, place: Place, piece_bytes: int) -> Iterator[Piece]:
    """Yield the pieces of an object; each was looked through by then."""
    store = Store(Path(place.folder))
    rest: Piece | None = Piece(0, held.size_bytes)
    while rest is not None:
        name = address("step", place.engine, held.identity, piece_bytes, rest)
        step = store.get(name, Step)
        if step is None:
            step = _step(held, rest, piece_bytes)
            whole = step.piece == Piece(0, held.size_bytes)
            size_bytes = step.piece.end - step.piece.begin
            tasks.look(Unit(unit.paths, None if whole else step.piece, size_bytes), place, held)
            store.put(name, step)
        yield step.piece
        rest = step.rest
        held.keep(rest.ranges if rest is not None else ())


def _step(held: Held, rest: Piece, piece_bytes: int) -> Step:
    """Cut a piece off what is left of an object; fetch as much as that needs."""
    until, more_bytes = rest.begin, piece_bytes + _AHEAD_BYTES
    while until < rest.end:
        until = min(rest.end, until + more_bytes)
        held.need((*rest.head, (rest.begin, until)))
        ahead = msgspec.structs.replace(rest, end=until)
        first, *others = parts.cut(held.file, ahead, piece_bytes)
        if others:
            return Step(first, msgspec.structs.replace(others[0], end=rest.end))
        more_bytes = until - rest.begin
    return Step(rest, None)
