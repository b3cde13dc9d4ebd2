"""Computes the tree of a ledger anew from its entry bundles, and compares each hash tile and the signed root.

Two roots are computed: over the entries, and over the hashes that the tiles of level 0 have. Where they
differ, the signed one tells which of the two was changed.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from monitor.ledger.names import CHECKPOINT
from monitor.ledger.verify_edge import TILE_BYTES
from monitor.ledger.verify_files import read_file
from monitor.ledger.verify_head import Head
from monitor.ledger.verify_types import MAX_FAULTS, Faults
from monitor.merkle.tiles import (
    MAX_BUNDLE_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    TileError,
    decode_bundle,
    decode_tile,
    entries_path,
    tile_path,
    width_at,
)
from monitor.merkle.tree import EMPTY_ROOT, HASH_BYTES, Frontier, leaf_hashes, perfect_root


class _Side:
    """The tree as entries have it, or as the tiles of level 0 do; ``differ``: tiles that do not fit it.

    It is ``whole`` until a bundle comes of which neither is there; from then on nothing is compared.
    """

    def __init__(self, tile: Callable[[int, int], list[bytes] | None]) -> None:
        self.frontier = Frontier()
        self.whole = True
        self.differ: list[tuple[str, str]] = []
        self._tile = tile
        self._rows: list[list[bytes]] = []

    def grow(self, number: int, hashes: Sequence[bytes] | None, root: bytes | None) -> None:
        """Take the hashes of a bundle, None where nobody knows them; and their root where it is full."""
        self.whole = self.whole and hashes is not None
        if hashes is None or not self.whole:
            return
        if root is None:
            self.frontier.extend(hashes)
        else:
            self.frontier.append_perfect(TILE_HEIGHT, root)
            self._raise(1, number, root)

    def finish(self, size: int) -> None:
        """Compare the tiles that are not full."""
        for level, row in enumerate(self._rows, 1):
            if row and self.whole:
                self._compare(level, size >> (TILE_HEIGHT * (level + 1)), row)

    def _raise(self, level: int, index: int, root: bytes) -> None:
        if len(self._rows) < level:
            self._rows.append([])
        row = self._rows[level - 1]
        row.append(root)
        if len(row) == TILE_WIDTH:
            self._rows[level - 1] = []
            self._compare(level, index // TILE_WIDTH, row)
            self._raise(level + 1, index // TILE_WIDTH, perfect_root(row))

    def _compare(self, level: int, number: int, row: list[bytes]) -> None:
        stored = self._tile(level, number)
        if stored is None or stored == row or len(self.differ) == MAX_FAULTS:
            return
        at = next(at for at, made in enumerate(row) if made != stored[at])
        low = (number * TILE_WIDTH + at) << (TILE_HEIGHT * level)
        high = low + (1 << (TILE_HEIGHT * level)) - 1
        path = tile_path(level, number, len(row))
        self.differ.append((path, f"hash {at} is not that of entries {low} to {high}"))


class TreeCheck:
    """Goes through the bundles of a ledger once. ``unread`` are the numbers of those without entries."""

    def __init__(self, folder: Path, head: Head, faults: Faults) -> None:
        self.unread = set[int]()
        self._folder = folder
        self._edge = head.edge
        self._checkpoint = head.checkpoint
        self._size = head.checkpoint.size
        self._faults = faults
        self._by_entries, self._by_tiles = _Side(self._tile), _Side(self._tile)
        self._differ: list[tuple[int, str]] = []  # an entry, and the tile that has another hash for it
        self._roots = dict[int, bytes]()

    def bundles(self, wanted: frozenset[int] = frozenset()) -> Iterator[tuple[int, list[bytes]]]:
        """Yield the index of a bundle's first entry, and its entries. Raises OSError.

        The roots of the trees of the ``wanted`` sizes can be asked for afterwards.
        """
        for number in range(-(-self._size // TILE_WIDTH)):
            leaves = self._bundle(number)
            hashes = None if leaves is None else leaf_hashes(leaves)
            self._note_roots(number, hashes, wanted)
            self._grow(number, hashes, self._tile(0, number))
            if leaves is None:
                self.unread.add(number)
            else:
                yield number * TILE_WIDTH, leaves
        self._finish()

    def root_at(self, size: int) -> bytes | None:
        """Return the root of an earlier tree that was wanted, or None where its entries could not be read."""
        return self._roots.get(size, None if size else EMPTY_ROOT)

    def _bundle(self, number: int) -> list[bytes] | None:
        width = width_at(self._size, None, number)
        path = entries_path(number, width)
        data = self._read(path, MAX_BUNDLE_BYTES)
        if data is None:
            return None
        try:
            leaves = decode_bundle(data)
        except TileError as error:
            self._faults.add(path, str(error))
            return None
        if len(leaves) == width:
            return leaves
        pairs = enumerate(zip_longest(leaf_hashes(leaves), self._tile(0, number) or []))
        first = next(number * TILE_WIDTH + at for at, (made, stored) in pairs if made != stored)
        problem = (
            f"it has {len(leaves)} entries and not {width}; they are not as signed from entry {first} on"
        )
        self._faults.add(path, problem)
        return None

    def _tile(self, level: int, number: int) -> list[bytes] | None:
        """Return the hashes of a tile; note a fault where there are not as many as there should be."""
        width = width_at(self._size, level, number)
        path = tile_path(level, number, width)
        data = self._read(path, TILE_BYTES)
        if data is None:
            return None
        if len(data) != width * HASH_BYTES:
            self._faults.add(path, f"it has {len(data)} bytes, which are not {width} hashes")
            return None
        return decode_tile(data)

    def _read(self, path: str, limit: int) -> bytes | None:
        return self._edge[path] if path in self._edge else read_file(self._folder, path, limit, self._faults)

    def _note_roots(self, number: int, hashes: list[bytes] | None, wanted: frozenset[int]) -> None:
        first, end = number * TILE_WIDTH, min(number * TILE_WIDTH + TILE_WIDTH, self._size)
        for size in wanted:
            if first < size <= end and hashes is not None and self._by_entries.whole:
                early = self._by_entries.frontier.copy()
                early.extend(hashes[: size - first])
                self._roots[size] = early.root()

    def _grow(self, number: int, hashes: list[bytes] | None, stored: list[bytes] | None) -> None:
        made = stored if hashes is None else hashes
        root = perfect_root(made) if made is not None and len(made) == TILE_WIDTH else None
        self._by_entries.grow(number, made, root)
        if stored is None or stored == made:
            self._by_tiles.grow(number, made, root)
            return
        self._by_tiles.grow(number, stored, perfect_root(stored) if root is not None else None)
        first, path = number * TILE_WIDTH, tile_path(0, number, len(stored))
        differ = [(first + at, path) for at, found in enumerate(stored) if made is None or made[at] != found]
        self._differ += differ[: MAX_FAULTS - len(self._differ)]

    def _finish(self) -> None:
        """Compare the roots with the signed one, and say what was changed as exactly as they tell."""
        signed = self._checkpoint.root
        for side in (self._by_entries, self._by_tiles):
            side.finish(self._size)
        entries_hold = self._by_entries.whole and self._by_entries.frontier.root() == signed
        tiles_hold = self._by_tiles.whole and self._by_tiles.frontier.root() == signed
        for index, path in self._differ:
            if entries_hold:
                self._faults.add(path, f"hash {index % TILE_WIDTH} is not that of entry {index}")
            else:
                why = "it is not the one that was signed" if tiles_hold else f"{path} has another hash for it"
                self._faults.add(f"entry {index}", why)
        side = self._by_tiles if tiles_hold and not entries_hold else self._by_entries
        for path, problem in side.differ:
            self._faults.add(path, problem)
        if self._by_entries.whole and not entries_hold and not tiles_hold:
            problem = "the root over the entries is not the signed one"
            self._faults.add(CHECKPOINT, f"{problem}: entries were changed, left out, added or moved")
