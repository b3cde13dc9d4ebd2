"""`ledger.json`, and the checkpoint beside it: which ledger it is, and how far it goes."""

import os
from pathlib import Path
from typing import Literal

import msgspec

from monitor.files import READ_FLAGS, InputError, unreadable
from monitor.ledger.failures import damaged
from monitor.ledger.names import CHECKPOINT, LEDGER
from monitor.merkle.checkpoint import Checkpoint, CheckpointError, parse_checkpoint
from monitor.merkle.note import MAX_NOTE_BYTES, NoteError, Verifier, read_note

MAX_HEADER_BYTES = 65_536


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `ledger.json` says. ``key`` is the verifier key (C2SP signed-note) of the checkpoints."""

    format: Literal[1] = 1
    key: str
    origin: str
    tenant: str | None

    def encode(self) -> bytes:
        """Return the file's content."""
        return msgspec.json.encode(self, order="sorted") + b"\n"


class Signed(msgspec.Struct, frozen=True):
    """A checkpoint, and the signed note in which it stands."""

    note: str
    checkpoint: Checkpoint


def read_header(folder: Path) -> Header | None:
    """Return what `ledger.json` says, or None where there is none. Raises InputError."""
    data = _read(folder / LEDGER, MAX_HEADER_BYTES)
    if data is None:
        return None
    try:
        header = msgspec.json.decode(data, type=Header)
    except msgspec.DecodeError as error:
        raise damaged(folder / LEDGER, str(error)) from None
    if header.encode() != data:
        raise damaged(folder / LEDGER, "not written as a ledger writes it")
    return header


def read_checkpoint(folder: Path, header: Header) -> Signed | None:
    """Return the checkpoint, which the header's key signed; None where there is none. Raises InputError."""
    path = folder / CHECKPOINT
    data = _read(path, MAX_NOTE_BYTES)
    if data is None:
        return None
    try:
        note = read_note(data)
        checkpoint = parse_checkpoint(Verifier(header.key).verify(note))
    except (NoteError, CheckpointError) as error:
        raise damaged(path, str(error)) from None
    if checkpoint.origin != header.origin:
        raise damaged(path, f"the checkpoint of another ledger ({checkpoint.origin})")
    return Signed(note, checkpoint)


def _read(path: Path, limit: int) -> bytes | None:
    """Return what stands in a file, or None where there is none. Raises InputError."""
    try:
        with open(path, "rb", opener=lambda name, _: os.open(name, READ_FLAGS)) as file:
            data = file.read(limit + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable(path, error) from None
    if len(data) > limit:
        raise InputError(str(path), f"larger than {limit:,} bytes", "check that it is a ledger's file")
    return data
