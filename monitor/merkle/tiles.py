"""Tiles as C2SP tlog-tiles lays them out: paths, hash tiles and entry bundles. Pure.

A tile of level L holds up to 256 hashes of the tree's level 8 L. An entry bundle holds the leaves that one
tile of level 0 has the hashes of, each behind its length. Only the partial tiles of the present size count.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from monitor.merkle.tree import HASH_BYTES, HashAt, perfect_root

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
MAX_LEAF_BYTES = 65_535  # what the length of two bytes can say
MAX_BUNDLE_BYTES = TILE_WIDTH * (2 + MAX_LEAF_BYTES)
MAX_LEVEL = 63

_PATH = re.compile(
    r"tile/(?:entries|(0|[1-9][0-9]?))/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)


class TileError(Exception):
    """A tile, a bundle or the path of one is not as the specification says. The message is a sentence."""


class Place(NamedTuple):
    """Which tile: its number in its level, or of an entry bundle (level None), and its width, 1 to 256."""

    level: int | None
    number: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Its path below the log, as ``tile/0/x001/234.p/5``."""
        if not 1 <= self.width <= TILE_WIDTH:
            raise TileError(f"a tile is never {self.width} wide")
        kind = "entries" if self.level is None else str(self.level)
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{kind}/{_digits(self.number)}{partial}"


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a hash tile. Raises TileError."""
    return Place(level, index, width).path


def entries_path(index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of an entry bundle. Raises TileError."""
    return Place(None, index, width).path


def parse_path(path: str) -> Place:
    """Return which tile a path names; the only path of it. Raises TileError."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise TileError(f"{path!r} is not the path of a tile")
    level, number, width = match.groups()
    index = int(number.replace("x", "").replace("/", ""))
    place = Place(None if level is None else int(level), index, int(width or TILE_WIDTH))
    if (place.level or 0) > MAX_LEVEL or (width and place.width >= TILE_WIDTH) or place.path != path:
        raise TileError(f"{path!r} is not the path of a tile")
    return place


def _digits(index: int) -> str:
    parts = [f"{index % 1000:03d}"]
    while index := index // 1000:
        parts.append(f"x{index % 1000:03d}")
    return "/".join(reversed(parts))


def width_at(size: int, level: int | None, index: int) -> int:
    """Return how wide this tile is in a tree of ``size`` leaves: 0 where the tree has no such tile."""
    hashes = size >> (TILE_HEIGHT * (level or 0))
    return max(0, min(TILE_WIDTH, hashes - index * TILE_WIDTH))


def places(size: int, old: int = 0) -> Iterator[Place]:
    """Yield the hash tiles, then the entry bundles of a tree of ``size`` that one of ``old`` has not."""
    level = 0
    while size >> (TILE_HEIGHT * level):
        yield from _places(size, old, level)
        level += 1
    yield from _places(size, old, None)


def _places(size: int, old: int, level: int | None) -> Iterator[Place]:
    shift = TILE_HEIGHT * (level or 0)
    if size >> shift == old >> shift:
        return
    for index in range((old >> shift) // TILE_WIDTH, -(-(size >> shift) // TILE_WIDTH)):
        yield Place(level, index, width_at(size, level, index))


def decode_tile(data: bytes) -> list[bytes]:
    """Return the 1 to 256 hashes of a tile. Raises TileError."""
    if not data or len(data) % HASH_BYTES or len(data) > TILE_WIDTH * HASH_BYTES:
        raise TileError(f"{len(data)} bytes are no hash tile")
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def encode_bundle(leaves: Iterable[bytes]) -> bytes:
    """Return the leaves, each behind its length. Raises TileError where one is too long."""
    try:
        return b"".join([len(leaf).to_bytes(2) + leaf for leaf in leaves])
    except OverflowError:
        raise TileError(f"a leaf is longer than {MAX_LEAF_BYTES} bytes") from None


def decode_bundle(data: bytes) -> list[bytes]:
    """Return the 1 to 256 leaves of an entry bundle. Raises TileError."""
    leaves, at, end = [], 0, len(data)
    while at < end:
        start = at + 2
        at = start + (data[at] << 8) + data[at + 1] if start <= end else end + 1
        leaves.append(data[start:at])
    if at > end:
        raise TileError(f"entry {len(leaves) - 1} of the bundle is cut off")
    if not 1 <= len(leaves) <= TILE_WIDTH:
        raise TileError(f"{len(leaves)} entries are no bundle")
    return leaves


def hashes_from_tiles(size: int, tile: Callable[[int, int, int], list[bytes]]) -> HashAt:
    """Return ``hash_at`` for the proofs of a tree of ``size``.

    ``tile(level, index, width)`` gives the hashes of a tile.
    """

    def hash_at(level: int, index: int) -> bytes:
        tall, inner = divmod(level, TILE_HEIGHT)
        first = index << inner
        number, start = divmod(first, TILE_WIDTH)
        hashes = tile(tall, number, width_at(size, tall, number))
        return perfect_root(hashes[start : start + (1 << inner)])

    return hash_at
