"""Applies batches: payload lines, entry bundles, hash tiles, the checkpoint, in that order; then stale tiles go.

Applying the same batch again writes the same bytes to the same places. So after a failure, or a crash, it is
simply done once more.
"""

from collections.abc import Iterator

import msgspec

from monitor.ledger.batch import Batch, Piece, decode_batch
from monitor.ledger.disk import Disk
from monitor.ledger.edge import Edge, Growth
from monitor.ledger.failures import damaged
from monitor.ledger.journal import Journal
from monitor.ledger.names import CHECKPOINT
from monitor.merkle.checkpoint import Checkpoint, format_checkpoint
from monitor.merkle.note import Signer


class Work(msgspec.Struct, frozen=True):
    """What is to be written of a batch, whose journal record the disk holds."""

    pieces: list[Piece]
    growth: Growth
    note: str


def signed(signer: Signer, edge: Edge) -> str:
    """Return the checkpoint of a tree as a signed note."""
    return signer.sign(format_checkpoint(Checkpoint(signer.name, edge.size, edge.root())))


def apply(disk: Disk, work: Work) -> None:
    """Write a batch to its places. Raises OSError; then it is to be done once more."""
    _write(disk, work.pieces, work.growth)
    _conclude(disk, work.note, work.growth.stale)


def batches(journal: Journal) -> Iterator[tuple[Batch, Edge]]:
    """Yield the batches of a journal with the edge of the tree before each: whoever takes one grows it.

    Raises InputError where they do not follow each other, OSError.
    """
    edge = None
    for body in journal.records():
        try:
            batch = decode_batch(body)
        except ValueError as error:
            raise damaged(journal.path, str(error)) from None
        edge = batch.edge or edge
        if edge is None or edge.size != batch.start:
            raise damaged(journal.path, f"the entries before {batch.start} are missing")
        yield batch, edge


def replay(disk: Disk, journal: Journal, signer: Signer) -> int | None:
    """Write all batches of the journal to their places once more. Raises InputError, OSError.

    Returns how many entries there are then, or None where the journal has no batch.
    """
    ends, stale, last = dict[str, int](), list[str](), None
    for batch, last in batches(journal):
        growth = last.grow(batch.leaves)
        _write(disk, batch.pieces, growth)
        stale += growth.stale
        ends |= {piece.path: piece.head.offset + piece.head.bytes for piece in batch.pieces}
    if last is None:
        return None
    for path, end in ends.items():
        disk.cut(path, end)
    _conclude(disk, signed(signer, last), stale)
    return last.size


def _write(disk: Disk, pieces: list[Piece], growth: Growth) -> None:
    for piece in pieces:
        disk.write_at(piece.path, piece.data, piece.head.offset)
    for path, data in growth.files:
        disk.write(path, data)


def _conclude(disk: Disk, note: str, stale: list[str]) -> None:
    """Put the checkpoint in its place; only then the tiles of the one before are no longer needed."""
    disk.replace(CHECKPOINT, note.encode())
    for path in stale:
        disk.remove(path)
