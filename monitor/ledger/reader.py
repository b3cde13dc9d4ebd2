"""Reads a ledger, without a lock and without writing: a copy, or one that a daemon appends to.

It is read as far as the checkpoint went when it was opened. An erased payload is None; what is not as it was
written is one InputError that names the place. Hashes are not checked here: see `monitor.ledger.verify`.
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import msgspec

from monitor.files import InputError, unreadable
from monitor.ledger.failures import damaged
from monitor.ledger.header import Header, Signed, read_checkpoint, read_header
from monitor.ledger.names import CHECKPOINT, LEDGER
from monitor.ledger.payloads import Payloads
from monitor.ledger.tile_files import TileFiles
from monitor.ledger.types import Leaf
from monitor.merkle.checkpoint import Checkpoint
from monitor.merkle.tiles import TILE_WIDTH, entries_path, hashes_from_tiles
from monitor.merkle.tree import inclusion_proof

KEPT_NODES = 4_096  # of the tree, for the next proof

_decode_leaf = msgspec.json.Decoder(Leaf).decode


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An entry: its leaf, as it is hashed (``raw``) and read, and its payload with its salt, or None."""

    index: int
    leaf: Leaf
    raw: bytes
    salt: bytes | None
    payload: bytes | None


class LedgerReader:
    """One tenant's ledger, as far as its checkpoint went when it was opened."""

    def __init__(self, folder: Path, header: Header, signed: Signed) -> None:
        self.folder = folder
        self.tenant = header.tenant
        self.origin = header.origin
        self.vkey = header.key
        self.note = signed.note
        self.checkpoint: Checkpoint = signed.checkpoint
        self.size = signed.checkpoint.size
        self._tiles = TileFiles(folder)
        # Neighbours share nearly all of their proofs.
        self._hash_at = lru_cache(KEPT_NODES)(hashes_from_tiles(self.size, self._tiles.tile))

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[Entry]:
        """Yield the entries from ``start`` to before ``stop``, with their payloads. Raises InputError."""
        payloads = Payloads(self.folder)
        try:
            for index, raw in self.leaves(start, stop):
                leaf = self._leaf(index, raw)
                try:
                    line = payloads.take(index, leaf.payload_class, leaf.day)
                except ValueError as error:
                    raise self._damaged(index, str(error)) from None
                yield Entry(index, leaf, raw, *(line[1:] if line else (None, None)))
        finally:
            payloads.close()

    def leaves(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Yield the leaves from ``start`` to before ``stop``, each with its index. Raises InputError."""
        start, stop = max(start, 0), self.size if stop is None else min(stop, self.size)
        for bundle in range(start // TILE_WIDTH, -(-stop // TILE_WIDTH) if start < stop else 0):
            first = bundle * TILE_WIDTH
            leaves = self._tiles.leaves(bundle, self.size)
            for at in range(max(start - first, 0), min(stop - first, len(leaves))):
                yield first + at, leaves[at]

    def proof(self, index: int) -> tuple[bytes, ...]:
        """Return the inclusion proof of an entry under the checkpoint. Raises InputError, ProofError."""
        return inclusion_proof(index, self.size, self._hash_at)

    def _leaf(self, index: int, raw: bytes) -> Leaf:
        try:
            return _decode_leaf(raw)
        except msgspec.DecodeError as error:
            raise self._damaged(index, str(error)) from None

    def _damaged(self, index: int, problem: str) -> InputError:
        return damaged(self.folder / entries_path(index // TILE_WIDTH), f"entry {index}: {problem}")


class NoLedgerError(InputError):
    """Where a ledger was looked for there is none."""


def open_ledger(folder: Path) -> LedgerReader:
    """Open one tenant's ledger to read. Raises InputError."""
    header = read_header(folder)
    if header is None:
        raise InputError(str(folder), f"no ledger: it has no {LEDGER}", "name a ledger's folder")
    signed = read_checkpoint(folder, header)
    if signed is None:
        raise damaged(folder / CHECKPOINT, "missing")
    return LedgerReader(folder, header, signed)


def ledgers_in(path: Path) -> list[Path]:
    """Return the folders of the ledgers at a path, which is one of them or their root. Raises InputError."""
    try:
        if (path / LEDGER).is_file():
            return [path]
        found = sorted(each for each in path.iterdir() if (each / LEDGER).is_file())
    except OSError as error:
        raise unreadable(path, error) from None
    if not found:
        mend = "name a ledger's folder, or the folder that holds those of all tenants"
        raise NoLedgerError(str(path), "no ledger there", mend)
    return found
