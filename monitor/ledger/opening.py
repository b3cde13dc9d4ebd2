"""Opens a ledger to write: takes the lock, makes a new one whole, and repairs what a crash left.

The journal is applied from its start, on the edge of the tree that stands in it: whatever else the disk lost
since is written once more. A checkpoint that says more than the journal brings back is never replaced by an
older state, for others may hold it: such a ledger is damaged.
"""

from pathlib import Path

import msgspec

from monitor.files import InputError
from monitor.ledger.applying import batches, replay, signed
from monitor.ledger.disk import FOLDER_MODE, Disk, sync
from monitor.ledger.edge import Edge, widths
from monitor.ledger.failures import damaged, unusable
from monitor.ledger.header import Header, Signed, read_checkpoint, read_header
from monitor.ledger.journal import Journal
from monitor.ledger.names import CHECKPOINT, JOURNAL, LEDGER, PAYLOADS, TILES
from monitor.merkle.checkpoint import Checkpoint
from monitor.merkle.note import Signer
from monitor.merkle.tiles import TILE_HEIGHT, Place, TileError, decode_bundle, decode_tile, width_at


class Recovered(msgspec.Struct, frozen=True):
    """What opening repaired: batches and entries applied again, and bytes of a torn batch that went."""

    batches: int = 0
    entries: int = 0
    cut_bytes: int = 0


class Opened(msgspec.Struct):
    """A ledger that can be appended to; its journal is empty."""

    disk: Disk
    journal: Journal
    edge: Edge
    recovered: Recovered


def open_writable(folder: Path, signer: Signer, tenant: str | None) -> Opened:
    """Open a ledger, or make it. Raises InputError."""
    header = Header(key=signer.vkey, origin=signer.name, tenant=tenant)
    try:
        folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        journal = Journal(folder / JOURNAL)
    except OSError as error:
        raise unusable(error, folder) from None
    try:
        return _open(Disk(folder), journal, header, signer)
    except OSError as error:
        journal.close()
        raise unusable(error, folder) from None
    except InputError:
        journal.close()
        raise


def _open(disk: Disk, journal: Journal, header: Header, signer: Signer) -> Opened:
    is_new = _same_ledger(disk, header)
    found = _found_checkpoint(disk.folder, header, journal)
    edge, recovered = _journalled(journal, found.checkpoint if found else None)
    if edge:
        replay(disk, journal, signer)
    elif found:
        edge = edge_on_disk(disk.folder, found.checkpoint)
    elif any((disk.folder / name).exists() for name in (PAYLOADS, TILES)):
        raise damaged(disk.folder / CHECKPOINT, "missing")
    else:
        edge = Edge()
        disk.replace(CHECKPOINT, signed(signer, edge).encode(), durable=True)
    disk.sync()
    journal.empty()
    if is_new:
        sync(disk.folder.parent)
    return Opened(disk, journal, edge, recovered)


def _same_ledger(disk: Disk, header: Header) -> bool:
    """Make `ledger.json` and return True where it is new; else it has to say the same. Raises InputError."""
    path = disk.folder / LEDGER
    found = read_header(disk.folder)
    if found is None:
        if any((disk.folder / name).exists() for name in (CHECKPOINT, PAYLOADS, TILES)):
            raise damaged(path, "missing, but there are other files of a ledger")
        disk.replace(LEDGER, header.encode(), durable=True)
        disk.sync()
        return True
    if found.tenant != header.tenant or found.origin != header.origin:
        mend = "move it to its own place, or give the sensor the name that it had"
        raise InputError(str(path), f"the ledger {found.origin}, not {header.origin}", mend)
    if found.key != header.key:
        mend = "put the key file back, or move the whole ledger away to begin another with the new key"
        raise InputError(str(path), "its checkpoints are signed with another key", mend)
    return False


def _found_checkpoint(folder: Path, header: Header, journal: Journal) -> Signed | None:
    """Return the checkpoint, where there is one. What the journal can bring back need not be whole."""
    try:
        return read_checkpoint(folder, header)
    except InputError:
        if not journal.is_empty():
            return None
        raise


def _journalled(journal: Journal, found: Checkpoint | None) -> tuple[Edge | None, Recovered]:
    """Return the edge of the tree behind all batches of the journal, or None where it has none.

    Raises InputError where that tree does not go through the checkpoint, or ends before it.
    """
    edge, count, entries = None, 0, 0
    for batch, edge in batches(journal):
        _goes_through(journal, edge, found)
        edge.grow(batch.leaves)
        count, entries = count + 1, entries + len(batch.leaves)
    if edge:
        _goes_through(journal, edge, found)
        if found and found.size > edge.size:
            problem = f"the checkpoint says {found.size} entries, but the journal ends at {edge.size}"
            raise damaged(journal.path, problem)
    return edge, Recovered(count, entries, journal.torn_bytes)


def _goes_through(journal: Journal, edge: Edge, found: Checkpoint | None) -> None:
    if found and found.size == edge.size and found.root != edge.root():
        raise damaged(journal.path, f"it does not lead to the checkpoint of {found.size} entries")


def edge_on_disk(folder: Path, checkpoint: Checkpoint) -> Edge:
    """Return the edge of a tree from its partial tiles, which have to be the only ones. Raises InputError."""
    size = checkpoint.size
    try:
        edge = Edge(
            size,
            _partial(folder, None, size),
            [_partial(folder, level, size) for level in range(len(widths(size)))],
        )
    except ValueError as error:
        raise damaged(folder / TILES, str(error)) from None
    if edge.root() != checkpoint.root:
        raise damaged(folder / TILES, "the tiles do not lead to the checkpoint")
    return edge


def _partial(folder: Path, level: int | None, size: int) -> list[bytes]:
    """Return what the partial tile, or bundle, of a level holds. Raises InputError."""
    index = size >> TILE_HEIGHT * ((level or 0) + 1)
    width = width_at(size, level, index)
    whole = folder / Place(level, index).path
    partials = whole.with_name(f"{whole.name}.p")
    try:
        there = [each.name for each in partials.iterdir()] if partials.is_dir() else []
        if whole.exists() or there != [str(width)] * (width > 0):
            raise damaged(whole, f"the tiles are not those of the checkpoint's {size} entries")
        if not width:
            return []
        data = (partials / str(width)).read_bytes()
        return decode_tile(data) if level is not None else decode_bundle(data)
    except TileError as error:
        raise damaged(partials / str(width), str(error)) from None
