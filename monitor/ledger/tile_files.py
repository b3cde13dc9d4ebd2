"""Reads hash tiles and entry bundles of a tree of a given size, while the ledger may be growing.

The partial tiles of an older size are replaced by wider ones, which begin with the same hashes: then those
are read.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from monitor.files import READ_FLAGS, unreadable
from monitor.ledger.failures import damaged
from monitor.merkle.tiles import (
    MAX_BUNDLE_BYTES,
    TILE_WIDTH,
    Place,
    TileError,
    decode_bundle,
    decode_tile,
    width_at,
)

KEPT_TILES = 64

_TRIES = 8  # a partial tile may be replaced again while its successor is looked for


class TileFiles:
    """The tiles of a ledger, of which the latest are kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: dict[Place, list[bytes]] = {}

    def tile(self, level: int, index: int, width: int) -> list[bytes]:
        """Return the hashes of a tile. Raises InputError."""
        place = Place(level, index, width)
        if place not in self._kept:
            while len(self._kept) >= KEPT_TILES:
                self._kept.pop(next(iter(self._kept)))
            self._kept[place] = self._read(place)
        return self._kept[place]

    def leaves(self, index: int, size: int) -> list[bytes]:
        """Return the leaves of an entry bundle in a tree of ``size``. Raises InputError."""
        return self._read(Place(None, index, width_at(size, None, index)))

    def _read(self, place: Place) -> list[bytes]:
        path, data = self._data(place)
        try:
            found = decode_bundle(data) if place.level is None else decode_tile(data)
        except TileError as error:
            raise damaged(path, str(error)) from None
        if len(found) < place.width:
            raise damaged(path, f"{len(found)} entries where {place.width} should stand")
        return found[: place.width]

    def _data(self, place: Place) -> tuple[Path, bytes]:
        for _ in range(_TRIES):
            for path in self._candidates(place):
                try:
                    file = os.open(path, READ_FLAGS)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    raise unreadable(path, error) from None
                with os.fdopen(file, "rb") as opened:
                    return path, opened.read(MAX_BUNDLE_BYTES + 1)
        raise damaged(self._folder / place.path, "missing")

    def _candidates(self, place: Place) -> Iterator[Path]:
        """Yield where the tile may stand: in its place, in wider partial ones, in the whole one."""
        exact = self._folder / place.path
        yield exact
        if place.width < TILE_WIDTH:
            try:
                names = os.listdir(exact.parent)  # noqa: PTH208  names alone
            except OSError:
                names = []
            widths = sorted(
                int(name) for name in names if name.isascii() and name.isdigit() and len(name) < 4
            )
            yield from (exact.with_name(str(width)) for width in widths if width > place.width)
            yield self._folder / place._replace(width=TILE_WIDTH).path
