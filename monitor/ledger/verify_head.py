"""The head of a ledger that is verified: `ledger.json`, the signed checkpoint, and the files at the tree's edge.

They are read at one moment, for a daemon may go on writing: it puts the checkpoint in its place last of all.
"""

from pathlib import Path
from typing import Literal
from urllib.parse import quote

import msgspec

from monitor.ledger.types import FORMAT
from monitor.ledger.verify_files import NotPlainError, read_plain
from monitor.ledger.verify_types import Faults
from monitor.merkle.checkpoint import Checkpoint, CheckpointError, parse_checkpoint
from monitor.merkle.note import MAX_NOTE_BYTES, NoteError, Verifier, open_note, read_note
from monitor.merkle.tiles import MAX_BUNDLE_BYTES, TILE_HEIGHT, TILE_WIDTH, entries_path, tile_path
from monitor.merkle.tree import HASH_BYTES

HEADER, CHECKPOINT, JOURNAL = "ledger.json", "checkpoint", "journal"
MAX_HEADER_BYTES = 65_536
MAX_JOURNAL_BYTES = 1 << 30
TILE_BYTES = TILE_WIDTH * HASH_BYTES
MAX_ENTRIES = 1 << 40  # more are no ledger, but a number that somebody wrote
TRIES = 10  # to read head and edge while a daemon writes

_UNASSIGNED = "_unassigned"


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `ledger.json` says."""

    format: Literal[1] = FORMAT
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


def tenant_folder(tenant: str | None) -> str:
    """Return the name that the folder of a tenant has: percent-encoded (RFC 3986), never hidden."""
    if tenant is None:
        return _UNASSIGNED
    name = quote(tenant, safe="").replace("~", "%7E")
    return f"%{ord(name[0]):02X}{name[1:]}" if name[:1] in {".", "_"} else name


def read_header(folder: Path, faults: Faults) -> Header | None:
    """Return what `ledger.json` says, where that can be read. Raises OSError."""
    data = read_file(folder, HEADER, MAX_HEADER_BYTES, faults)
    if data is None:
        return None
    try:
        header = msgspec.json.decode(data, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        faults.add(HEADER, f"it cannot be read: {error}")
        return None
    if msgspec.json.encode(header, order="sorted") + b"\n" != data:
        faults.add(HEADER, "it is not written as a ledger writes it")
    if not header.origin.endswith(f"/{tenant_folder(header.tenant)}"):
        faults.add(HEADER, f"the tenant {header.tenant!r} is not the one of the origin {header.origin!r}")
    return header


def read_head(folder: Path, trusted: Verifier | None, faults: Faults) -> Head | None:
    """Return the head, or None where the faults leave nothing to verify by. Raises OSError."""
    header = read_header(folder, faults)
    if header is None:
        return None
    verifier = _verifier(header, trusted, faults)
    if verifier is None:
        return None
    for _ in range(TRIES):
        note = read_file(folder, CHECKPOINT, MAX_NOTE_BYTES, faults)
        checkpoint = None if note is None else _checkpoint(note, header, verifier, faults)
        if note is None or checkpoint is None:
            return None
        edge = _edge(folder, checkpoint.size, faults)
        journal = read_file(folder, JOURNAL, MAX_JOURNAL_BYTES, faults) or b""
        if read_file(folder, CHECKPOINT, MAX_NOTE_BYTES, faults) == note:
            break
    return Head(header, verifier, note, checkpoint, edge, journal)


def _verifier(header: Header, trusted: Verifier | None, faults: Faults) -> Verifier | None:
    try:
        own = Verifier(header.key)
    except NoteError as error:
        faults.add(HEADER, f"its key: {error}")
        return trusted
    if own.name != header.origin:
        faults.add(HEADER, f"the key is {own.name!r}, and the origin {header.origin!r}")
    if trusted is not None and own != trusted:
        faults.add(HEADER, f"its key is not the trusted one, but {own.vkey}")
    return trusted or own


def _checkpoint(data: bytes, header: Header, verifier: Verifier, faults: Faults) -> Checkpoint | None:
    """Return what the key signed. A ledger's own checkpoint has one signature, and nothing to add."""
    try:
        note = open_note(read_note(data), (verifier,))
        found = parse_checkpoint(note.text)
    except (NoteError, CheckpointError) as error:
        faults.add(CHECKPOINT, str(error))
        return None
    if note.unknown or data.count(b"\n\xe2\x80\x94 ") != 1 or found.extensions:
        faults.add(CHECKPOINT, "there is more in it than the ledger's state and one signature")
    if found.origin != header.origin:
        faults.add(CHECKPOINT, f"it is of another ledger: {found.origin}")
    if found.size > MAX_ENTRIES:
        faults.add(CHECKPOINT, f"{found.size} entries are more than a ledger can have")
        return None
    return found


def _edge(folder: Path, size: int, faults: Faults) -> dict[str, bytes | None]:
    """Read the partial bundle and the partial tiles, of which there is one at most a level."""
    edge = {}
    if width := size % TILE_WIDTH:
        path = entries_path(size // TILE_WIDTH, width)
        edge[path] = read_file(folder, path, MAX_BUNDLE_BYTES, faults)
    level = 0
    while hashes := size >> (TILE_HEIGHT * level):
        if width := hashes % TILE_WIDTH:
            path = tile_path(level, hashes // TILE_WIDTH, width)
            edge[path] = read_file(folder, path, TILE_BYTES, faults)
        level += 1
    return edge


def read_file(folder: Path, path: str, limit: int, faults: Faults) -> bytes | None:
    """Return what stands in a file of a ledger; note a fault where nothing fit does. Raises OSError."""
    try:
        data = read_plain(folder / path, limit)
    except NotPlainError as error:
        faults.add(path, str(error))
        return None
    if data is None:
        faults.add(path, "it is missing")
    return data
