"""The right edge of a ledger's tree, in tiles: all that has to be known to append. Pure.

Whoever grows it is told which files that makes, with their whole content, and which partial tiles are stale.
"""

from collections.abc import Iterator, Sequence

import msgspec

from monitor.merkle.tiles import TILE_HEIGHT, TILE_WIDTH, encode_bundle, entries_path, tile_path
from monitor.merkle.tree import Frontier, leaf_hashes, perfect_root


class Growth(msgspec.Struct, frozen=True):
    """Files by path, in the order to write them: entry bundles, then hash tiles. ``stale`` are to go."""

    files: list[tuple[str, bytes]]
    stale: list[str]


class Edge:
    """``leaves`` are those of the partial entry bundle, ``rows`` the hashes of each level's partial tile."""

    def __init__(
        self, size: int = 0, leaves: Sequence[bytes] = (), rows: Sequence[Sequence[bytes]] = ()
    ) -> None:
        """Take the edge of a tree of ``size``. Raises ValueError where it is not as wide as it has to be."""
        self.size = size
        self.leaves = list(leaves)
        self.rows = [list(row) for row in rows]
        if [len(self.leaves), *map(len, self.rows)] != [size % TILE_WIDTH, *widths(size)]:
            raise ValueError(f"this is not the edge of a tree of {size} entries")
        if self.rows and leaf_hashes(self.leaves) != self.rows[0]:
            raise ValueError("the entries of the last bundle are not those of its tile")

    def grow(self, leaves: Sequence[bytes]) -> Growth:
        """Append leaves; return what has to be written."""
        before = list(self._partial_paths())
        files = self._grow_bundles(leaves)
        level, hashes = 0, leaf_hashes(leaves)
        while hashes:
            made, hashes = self._grow_row(level, hashes)
            files += made
            level += 1
        self.size += len(leaves)
        after = set(self._partial_paths())
        return Growth(files, [path for path in before if path not in after])

    def root(self) -> bytes:
        """Return the root of the tree."""
        roots = [root for row in reversed(self.rows) for root in _perfect_roots(row)]
        return Frontier.from_hashes(self.size, roots).root()

    def _grow_bundles(self, leaves: Sequence[bytes]) -> list[tuple[str, bytes]]:
        first = self.size // TILE_WIDTH
        pieces = _pieces([*self.leaves, *leaves])
        files = [
            (entries_path(first + at, len(piece)), encode_bundle(piece)) for at, piece in enumerate(pieces)
        ]
        self.leaves = _rest(pieces)
        return files

    def _grow_row(self, level: int, hashes: list[bytes]) -> tuple[list[tuple[str, bytes]], list[bytes]]:
        """Return the tiles that hashes make on a level, and the hashes that those add to the next one."""
        if level == len(self.rows):
            self.rows.append([])
        first = (self.size >> TILE_HEIGHT * level) // TILE_WIDTH
        pieces = _pieces([*self.rows[level], *hashes])
        files = [
            (tile_path(level, first + at, len(piece)), b"".join(piece)) for at, piece in enumerate(pieces)
        ]
        self.rows[level] = _rest(pieces)
        return files, [perfect_root(piece) for piece in pieces if len(piece) == TILE_WIDTH]

    def _partial_paths(self) -> Iterator[str]:
        if self.leaves:
            yield entries_path(self.size // TILE_WIDTH, len(self.leaves))
        for level, row in enumerate(self.rows):
            if row:
                yield tile_path(level, self.size >> TILE_HEIGHT * (level + 1), len(row))


def widths(size: int) -> list[int]:
    """Return how wide the partial tile of each level is in a tree of ``size``; 0 where there is none."""
    found = []
    while size:
        found.append(size % TILE_WIDTH)
        size >>= TILE_HEIGHT
    return found


def _pieces(row: list[bytes]) -> list[list[bytes]]:
    return [row[at : at + TILE_WIDTH] for at in range(0, len(row), TILE_WIDTH)]


def _rest(pieces: list[list[bytes]]) -> list[bytes]:
    return pieces[-1] if pieces and len(pieces[-1]) < TILE_WIDTH else []


def _perfect_roots(row: list[bytes]) -> Iterator[bytes]:
    """Yield the roots of the perfect subtrees that a row falls into, the largest first."""
    start = 0
    while rest := len(row) - start:
        width = 1 << (rest.bit_length() - 1)
        yield perfect_root(row[start : start + width])
        start += width
