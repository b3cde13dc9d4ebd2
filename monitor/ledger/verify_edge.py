"""Reads the edge of a ledger's tree: the partial bundle, and the partial tiles, at most one a level.

Ahead of the checkpoint the daemon puts wider ones in their places. Where that was as far as it came, the
wider one is read instead: it begins with what the partial one had, and the signed root tells whether it does.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from monitor.ledger.verify_files import NotPlainError, read_file, read_plain
from monitor.ledger.verify_types import Faults
from monitor.merkle.tiles import (
    MAX_BUNDLE_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    Place,
    TileError,
    decode_bundle,
    encode_bundle,
)
from monitor.merkle.tree import HASH_BYTES

TILE_BYTES = TILE_WIDTH * HASH_BYTES


def read_edge(folder: Path, size: int, faults: Faults) -> dict[str, bytes | None]:
    """Return what stands in each file of the edge, by path; None where nothing fit does. Raises OSError."""
    edge = dict[str, bytes | None]()
    for place in edge_places(size):
        wider = _from_wider(folder, place) if not os.path.lexists(folder / place.path) else None
        edge[place.path] = wider or read_file(folder, place.path, limit_of(place), faults)
    return edge


def edge_places(size: int) -> Iterator[Place]:
    """Yield what is partial in a tree of ``size`` entries."""
    if width := size % TILE_WIDTH:
        yield Place(None, size // TILE_WIDTH, width)
    level = 0
    while hashes := size >> (TILE_HEIGHT * level):
        if width := hashes % TILE_WIDTH:
            yield Place(level, hashes // TILE_WIDTH, width)
        level += 1


def limit_of(place: Place) -> int:
    """Return how many bytes such a file has at most."""
    return MAX_BUNDLE_BYTES if place.level is None else TILE_BYTES


def _from_wider(folder: Path, place: Place) -> bytes | None:
    """Return the beginning of the next wider one that is there."""
    for width in range(place.width + 1, TILE_WIDTH + 1):
        path = folder / place._replace(width=width).path
        if os.path.lexists(path):
            try:
                return _beginning(read_plain(path, limit_of(place)), place)
            except (NotPlainError, TileError):
                return None
    return None


def _beginning(data: bytes | None, place: Place) -> bytes | None:
    if data is None or place.level is not None:
        return data and data[: place.width * HASH_BYTES]
    return encode_bundle(decode_bundle(data)[: place.width])
