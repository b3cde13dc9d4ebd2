"""Notes on what an archive deleted, which nothing takes back: each line has the hash of the one before.

Lines are on the disk before what they say counts. The manifest has how many count, and the hash of the last
one: what stands behind it was noted by a run that died, and is noted anew.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from monitor.archive.erasing import Deleted, Why
from monitor.archive.layout import Table
from monitor.archive.parts import UnwritableError
from monitor.archive.types import Noted
from monitor.files import InputError
from monitor.ledger.disk import sync, write_all
from monitor.ledger.types import PayloadClass

NOTES = "deletions.jsonl"

_MEND = "restore it from a copy, or archive again into a new folder"
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_MODE = 0o644  # so far as the umask has it: whoever may read the archive


class Note(msgspec.Struct, frozen=True, rename={"payload_class": "class"}):
    """Rows of one class of a tenant that one run deleted: in how many files they stood, and of which days.

    ``before`` is the SHA-256 of the line before, of the first one that of nothing.
    """

    at_ns: int
    why: Why
    table: Table
    tenant: str | None
    payload_class: PayloadClass
    first_day: str
    last_day: str
    files: int
    rows: int
    before: str


_note = msgspec.json.Decoder(Note).decode
_encode = msgspec.json.Encoder().encode


def read_notes(root: Path, noted: Noted) -> list[Note]:
    """Return the notes that count, in order. Raises InputError where they are not what the manifest says."""
    path, notes, last = root / NOTES, [], Noted().last
    try:
        data = path.read_bytes()[: noted.size_bytes] if noted.lines else b""
    except OSError as error:
        raise InputError(str(path), (error.strerror or "cannot be read").lower(), _MEND) from None
    for number, line in enumerate(data.splitlines(), 1):
        try:
            note = _note(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(str(path), f"line {number} is no note: {error}", _MEND) from None
        if note.before != last:
            raise InputError(str(path), f"line {number} does not follow from the one before", _MEND)
        notes.append(note)
        last = hashlib.sha256(line).hexdigest()
    if (len(data), len(notes), last) != (noted.size_bytes, noted.lines, noted.last):
        problem = f"not the {noted.lines} lines that the manifest has noted"
        raise InputError(str(path), problem, _MEND)
    return notes


def note(root: Path, noted: Noted, deleted: Iterable[Deleted], now_ns: int) -> Noted:
    """Note what is about to be deleted, behind what counts; return what counts then.

    Raises UnwritableError.
    """
    lines, last = b"", noted.last
    count = noted.lines
    for made in _notes(deleted, now_ns):
        line = _encode(msgspec.structs.replace(made, before=last))
        lines, last, count = lines + line + b"\n", hashlib.sha256(line).hexdigest(), count + 1
    if not lines:
        return noted
    path = root / NOTES
    try:
        file = os.open(path, _WRITE, _MODE)
        try:
            os.ftruncate(file, noted.size_bytes)
            write_all(file, lines, noted.size_bytes)
            os.fsync(file)
        finally:
            os.close(file)
        sync(root)
    except OSError as error:
        problem = error.strerror or "cannot be written"
        raise UnwritableError(str(path), problem, "make room on its disk") from None
    return Noted(count, noted.size_bytes + len(lines), last)


def _notes(deleted: Iterable[Deleted], now_ns: int) -> list[Note]:
    """Return a note for each table, tenant, class and reason, in order."""
    found: dict[tuple[str, str, str, str], Note] = {}
    for each in deleted:
        key = (each.why, each.table, each.tenant or "", each.payload_class)
        so_far = found.get(key)
        if so_far is None:
            found[key] = Note(
                now_ns, each.why, each.table, each.tenant, each.payload_class,
                each.first_day, each.last_day, 1, each.rows, "",
            )  # fmt: skip
        else:
            found[key] = msgspec.structs.replace(
                so_far,
                first_day=min(so_far.first_day, each.first_day),
                last_day=max(so_far.last_day, each.last_day),
                files=so_far.files + 1,
                rows=so_far.rows + each.rows,
            )
    return [found[key] for key in sorted(found)]
