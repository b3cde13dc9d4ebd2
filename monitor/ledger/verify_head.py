"""The head of a ledger to be verified: `ledger.json`, the signed checkpoint, the files at the tree's edge.

They are read at one moment, for a daemon may go on writing: it puts the checkpoint in its place last of all.
"""

from pathlib import Path
from typing import Literal

import msgspec

from monitor.ledger.names import CHECKPOINT, JOURNAL, LEDGER, tenant_folder
from monitor.ledger.verify_edge import read_edge
from monitor.ledger.verify_files import read_file
from monitor.ledger.verify_types import Faults
from monitor.merkle.checkpoint import Checkpoint, CheckpointError, parse_checkpoint
from monitor.merkle.note import MAX_NOTE_BYTES, Note, NoteError, Verifier, open_note, read_note

MAX_HEADER_BYTES = 65_536
MAX_JOURNAL_BYTES = 1 << 28  # eight times what the daemon lets one grow to
MAX_ENTRIES = 1 << 40  # more are no ledger, but a number that somebody wrote
TRIES = 10  # to read head and edge while a daemon writes


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `ledger.json` says."""

    format: Literal[1] = 1
    key: str
    origin: str
    tenant: str | None


class Head(msgspec.Struct, frozen=True):
    """Head and edge of one moment. ``edge`` has partial tiles and bundles by path, where they are there."""

    header: Header
    verifier: Verifier
    note: bytes
    checkpoint: Checkpoint
    edge: dict[str, bytes | None]
    journal: bytes


def read_header(folder: Path, faults: Faults) -> Header | None:
    """Return what `ledger.json` says, where that can be read. Raises OSError."""
    data = read_file(folder, LEDGER, MAX_HEADER_BYTES, faults)
    if data is None:
        return None
    try:
        header = msgspec.json.decode(data, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        faults.add(LEDGER, f"it cannot be read: {error}")
        return None
    if msgspec.json.encode(header, order="sorted") + b"\n" != data:
        faults.add(LEDGER, "it is not written as a ledger writes it")
    if not is_of(header.tenant, header.origin):
        faults.add(LEDGER, f"the tenant {header.tenant!r} is not the one of the origin {header.origin!r}")
    return header


def is_of(tenant: str | None, origin: str) -> bool:
    """Tell whether an origin is that of a tenant's ledger."""
    try:
        return origin.endswith(f"/{tenant_folder(tenant)}")
    except ValueError:
        return False


def read_head(folder: Path, trusted: Verifier | None, faults: Faults) -> Head | None:
    """Return the head, or None where the faults leave nothing to verify by. Raises OSError."""
    header = read_header(folder, faults)
    if header is None:
        return None
    verifier = _verifier(header, trusted, faults)
    if verifier is None:
        return None
    for left in reversed(range(TRIES)):
        note = read_file(folder, CHECKPOINT, MAX_NOTE_BYTES, faults)
        checkpoint = None if note is None else _checkpoint(note, header, verifier, faults)
        if note is None or checkpoint is None:
            break
        of_edge = Faults()
        edge = read_edge(folder, checkpoint.size, of_edge)
        journal = read_file(folder, JOURNAL, MAX_JOURNAL_BYTES, faults) or b""
        steady = not of_edge.found and read_file(folder, CHECKPOINT, MAX_NOTE_BYTES, faults) == note
        if steady or not left:
            faults.take(of_edge)
            return Head(header, verifier, note, checkpoint, edge, journal)
    return None


def _verifier(header: Header, trusted: Verifier | None, faults: Faults) -> Verifier | None:
    try:
        own = Verifier(header.key)
    except NoteError as error:
        faults.add(LEDGER, f"its key: {error}")
        return trusted
    if own.name != header.origin:
        faults.add(LEDGER, f"the key is {own.name!r}, and the origin {header.origin!r}")
    if trusted is not None and own != trusted:
        faults.add(LEDGER, f"its key is not the trusted one, but {own.vkey}")
    return trusted or own


def is_bare(note: Note, data: bytes, checkpoint: Checkpoint) -> bool:
    """Tell whether a checkpoint says a state and has one signature, as a ledger writes it, and no more."""
    return not note.unknown and not checkpoint.extensions and data.count(b"\n\xe2\x80\x94 ") == 1


def _checkpoint(data: bytes, header: Header, verifier: Verifier, faults: Faults) -> Checkpoint | None:
    """Return what the key signed. A ledger's own checkpoint has one signature, and nothing to add."""
    try:
        note = open_note(read_note(data), (verifier,))
        found = parse_checkpoint(note.text)
    except (NoteError, CheckpointError) as error:
        faults.add(CHECKPOINT, str(error))
        return None
    if not is_bare(note, data, found):
        faults.add(CHECKPOINT, "there is more in it than the ledger's state and one signature")
    if found.origin != header.origin:
        faults.add(CHECKPOINT, f"it is of another ledger: {found.origin}")
    if found.size > MAX_ENTRIES:
        faults.add(CHECKPOINT, f"{found.size} entries are more than a ledger can have")
        return None
    return found
