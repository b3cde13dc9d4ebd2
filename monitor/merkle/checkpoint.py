"""Checkpoints of a log (C2SP tlog-checkpoint): the text that is signed as a note. Pure."""

import base64
import re

import msgspec

from monitor.merkle.note import NoteError, unbase64
from monitor.merkle.tree import HASH_BYTES

MAX_SIZE = (1 << 63) - 1

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


class CheckpointError(Exception):
    """A text is no checkpoint. The message is a sentence."""


class Checkpoint(msgspec.Struct, frozen=True):
    """A state of a log: how many leaves, and the root over them. ``extensions`` are lines nobody audits."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


def format_checkpoint(checkpoint: Checkpoint) -> str:
    """Return the text to be signed. Raises CheckpointError where it could not be read again."""
    root = base64.b64encode(checkpoint.root).decode()
    lines = (checkpoint.origin, str(checkpoint.size), root, *checkpoint.extensions)
    text = "".join(f"{line}\n" for line in lines)
    if parse_checkpoint(text) != checkpoint:
        raise CheckpointError("a line of the checkpoint has a line end in it")
    return text


def parse_checkpoint(text: str) -> Checkpoint:
    """Return what the text of a note says. Raises CheckpointError."""
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() or not all(lines):
        raise CheckpointError("the checkpoint is not three lines or more, none of them empty")
    origin, size, root, *extensions = lines
    if not _SIZE.fullmatch(size) or int(size) > MAX_SIZE:
        raise CheckpointError(f"{size[:64]!r} is not the size of a tree")
    try:
        digest = unbase64(root)
    except NoteError as error:
        raise CheckpointError(f"the root: {error}") from None
    if len(digest) != HASH_BYTES:
        raise CheckpointError("the root is not 32 bytes long")
    return Checkpoint(origin, int(size), digest, tuple(extensions))
