"""Verifies a ledger offline, by its public key alone: each file, each entry, the root that was signed.

What is found is told with its place. What stands behind the checkpoint as a stop of the daemon leaves it is
no fault and told apart. Memory does not grow with the entries.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from monitor.files import InputError, unreadable
from monitor.ledger.names import CHECKPOINT, JOURNAL, LEDGER
from monitor.ledger.verify_files import (
    NotPlainError,
    files_below,
    open_plain,
    parse_payload_path,
    read_plain,
    shown,
)
from monitor.ledger.verify_head import MAX_JOURNAL_BYTES, Head, read_head, read_header
from monitor.ledger.verify_leaves import read_leaf
from monitor.ledger.verify_payloads import PayloadFile, Payloads
from monitor.ledger.verify_tail import TailCheck, may_be_left
from monitor.ledger.verify_tree import TreeCheck
from monitor.ledger.verify_types import Fault, Faults, Tail, Verified
from monitor.merkle.checkpoint import Checkpoint, CheckpointError, parse_checkpoint
from monitor.merkle.note import MAX_NOTE_BYTES, NoteError, Verifier, open_note
from monitor.merkle.tiles import MAX_BUNDLE_BYTES, TileError, parse_path, width_at

__all__ = ["Fault", "KeptCheckpoint", "Tail", "Verified", "verify_ledger"]

TRIES = 3  # where faults were found while a daemon wrote: retention may have taken what seemed to be missing
MAX_BEHIND = 10_000  # files and ends of files behind the checkpoint that are looked at


class KeptCheckpoint(msgspec.Struct, frozen=True):
    """A checkpoint of this ledger that was kept elsewhere: where, and the signed note."""

    place: str
    note: str


def verify_ledger(
    folder: Path, trusted: Verifier | None = None, kept: Sequence[KeptCheckpoint] = ()
) -> Verified:
    """Verify one tenant's ledger; without ``trusted`` by its own key, which proves consistency only.

    It has to go on from each checkpoint that was ``kept`` elsewhere. Raises InputError where it cannot be
    read.
    """
    try:
        for _ in range(TRIES):
            faults = Faults()
            head = read_head(folder, trusted, faults)
            found = _check(folder, head, kept, faults) if head else _Found(Faults())
            if not found.moved or not (faults.found or found.of_files.found):
                break
        header = head.header if head else read_header(folder, Faults())
    except OSError as error:
        raise unreadable(Path(error.filename or folder), error) from None
    if header is None and not os.path.lexists(folder / LEDGER):
        raise InputError(str(folder), f"no ledger: it has no {LEDGER}", "name the folder of a ledger")
    return Verified(
        folder=shown(str(folder)),
        tenant=header.tenant if header else None,
        key=(trusted.vkey if trusted else header.key) if header else "",
        trusted=trusted is not None,
        entries=head.checkpoint.size if head else 0,
        erased=found.erased,
        checkpoint=head.checkpoint if head else None,
        faults=(*faults.found, *found.of_files.found),
        more_faults=faults.more + found.of_files.more,
        unsigned_tail=found.tail,
        moved=found.moved,
    )


class _Found(msgspec.Struct):
    """What the check of the files comes to, beside faults of the tree: those have a list of their own."""

    of_files: Faults
    erased: int = 0
    tail: Tail | None = None
    moved: bool = False


class _Behind(msgspec.Struct, frozen=True):
    """Files that the tree does not have, and ends of payload files behind its last entry."""

    files: list[str]
    ends: list[PayloadFile]


def _check(folder: Path, head: Head, kept: Sequence[KeptCheckpoint], faults: Faults) -> _Found:
    known = [(each.place, found) for each in kept if (found := _kept(each, head, faults))]
    tree, of_files = TreeCheck(folder, head, faults), Faults()
    payloads = Payloads(folder, of_files, tree.unread)
    try:
        for first, leaves in tree.bundles(frozenset(checkpoint.size for _, checkpoint in known)):
            for index, raw in enumerate(leaves, first):
                leaf = read_leaf(raw)
                if isinstance(leaf, str):
                    faults.add(f"entry {index}", leaf)
                else:
                    payloads.check(index, leaf)
        _compare(known, tree, head.checkpoint, faults)
        behind = _behind(folder, head.checkpoint.size, payloads, of_files)
    finally:
        payloads.close()
    of_tail = Faults()
    tail = _judge(folder, head, behind, of_tail)
    if _moved(folder, head):
        return _Found(of_files, payloads.erased, moved=True)
    of_files.take(of_tail)
    return _Found(of_files, payloads.erased, tail)


def _kept(kept: KeptCheckpoint, head: Head, faults: Faults) -> Checkpoint | None:
    """Return what a checkpoint says that was kept elsewhere, if the ledger's key signed it."""
    try:
        found = parse_checkpoint(open_note(kept.note, (head.verifier,)).text)
    except (NoteError, CheckpointError) as error:
        faults.add(kept.place, str(error))
        return None
    if found.origin != head.checkpoint.origin:
        faults.add(kept.place, f"it is of another ledger: {found.origin}")
        return None
    if found.size > head.checkpoint.size:
        cut = f"the ledger had {found.size} entries, and has {head.checkpoint.size}: it was cut off"
        faults.add(kept.place, f"{cut}, or an older copy stands in its place")
        return None
    return found


def _compare(
    known: Sequence[tuple[str, Checkpoint]], tree: TreeCheck, signed: Checkpoint, faults: Faults
) -> None:
    """Compare the roots of earlier trees with the checkpoints that were kept elsewhere."""
    for place, checkpoint in known:
        root = tree.root_at(checkpoint.size)
        if root is None:
            faults.add(place, "entries cannot be read, so whether the ledger goes on from it is not known")
        elif root != checkpoint.root:
            problem = f"the ledger does not go on from it: its first {checkpoint.size} entries were others"
            faults.add(place, problem)
        elif checkpoint.size == signed.size and checkpoint.root != signed.root:
            faults.add(place, "the ledger's checkpoint has another root for as many entries")


def _behind(folder: Path, size: int, payloads: Payloads, faults: Faults) -> _Behind:
    """Look at all files that no entry led to."""
    behind = _Behind([], list(payloads.finish(size)))
    for path, is_plain in files_below(folder):
        if not is_plain:
            faults.add(shown(path), "it is neither a plain file nor a folder that a ledger has")
        elif path in {LEDGER, CHECKPOINT, JOURNAL} or _is_tile(path, size):
            continue
        elif payload := parse_payload_path(path):
            file = payloads.drain(*payload, size)
            if file is not None:
                behind.ends.append(file)
        elif not may_be_left(path):
            faults.add(shown(path), "the ledger has no such file")
        elif len(behind.files) < MAX_BEHIND:
            behind.files.append(path)
        else:
            faults.more += 1
    return behind


def _is_tile(path: str, size: int) -> bool:
    try:
        place = parse_path(path)
    except TileError:
        return False
    return width_at(size, place.level, place.number) == place.width


def _moved(folder: Path, head: Head) -> bool:
    """Tell whether a daemon wrote to the ledger since its head was read."""
    try:
        note = read_plain(folder / CHECKPOINT, MAX_NOTE_BYTES)
        return note != head.note or read_plain(folder / JOURNAL, MAX_JOURNAL_BYTES) != head.journal
    except NotPlainError:
        return True


def _judge(folder: Path, head: Head, behind: _Behind, faults: Faults) -> Tail | None:
    """Tell what a stop left from what is a fault."""
    check = TailCheck(head, faults)
    for path in behind.files:
        try:
            data = read_plain(folder / path, MAX_BUNDLE_BYTES)
        except NotPlainError as error:
            faults.add(shown(path), str(error))
            continue
        if data is not None and not check.judge_file(path, data):
            faults.add(shown(path), "the ledger has no such file")
    for file in behind.ends:
        data = _end_of(folder, file, check.longest_lines(file.path) + 1)
        if not check.judge_lines(file.path, file.offset, data):
            faults.add(file.place(), "from here on it is neither signed nor in the journal")
    return check.tail()


def _end_of(folder: Path, file: PayloadFile, limit: int) -> bytes:
    """Return what stands in a payload file behind its last entry: at most ``limit`` bytes."""
    opened = open_plain(folder / file.path)
    if opened is None:
        return b""
    with opened:
        opened.seek(file.offset)
        return opened.read(limit)
