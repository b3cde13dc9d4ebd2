"""Notes an export where it can be found again: in the ledger, or through the daemon that holds it.

Where neither can be done the export stands all the same; the reason is one sentence.
"""

from pathlib import Path

import msgspec

from monitor.bundle.export import Exported
from monitor.files import InputError
from monitor.findings.actions import Comment
from monitor.ledger.days import day_number, day_text
from monitor.ledger.keys import read_key
from monitor.ledger.lock import RootLock
from monitor.ledger.reader import open_ledger
from monitor.ledger.types import Record
from monitor.ledger.writer import LedgerWriter
from monitor.merkle.note import NoteError
from monitor.outbox.actions import ask, new_request


class Noted(msgspec.Struct, frozen=True):
    """An export, as its record in the ledger says it."""

    finding: str
    sha256: str
    by: str


def note_in_ledger(exported: Exported, noted: Noted, key: Path, now_ns: int) -> str | None:
    """Append a record to the ledger; return why that could not be, or None.

    Nothing is made: neither a key nor a ledger. The ledger's key has to be the one that is named.
    """
    folder = exported.folder
    try:
        signer = read_key(key).named(open_ledger(folder).origin)
        if signer.vkey != open_ledger(folder).vkey:
            return f"{key} is not the key of this ledger"
        lock = RootLock(folder.parent)
        try:
            return _append(folder, LedgerWriter(folder, signer, exported.tenant, now_ns), noted, now_ns)
        finally:
            lock.close()
    except (InputError, NoteError) as error:
        return str(error)
    except OSError as error:
        return f"{folder}: {(error.strerror or str(error)).lower()}"


def note_through_daemon(noted: Noted, state: Path, now_ns: int) -> str | None:
    """Ask the daemon to record it, as a comment on the finding; return why that could not be, or None."""
    said = f"evidence exported, SHA-256 of the bundle {noted.sha256}"
    try:
        answer = ask(state, new_request(Comment(finding=noted.finding, by=noted.by, text=said), now_ns))
    except InputError as error:
        return str(error)
    return None if answer.status in ("done", "pending") else answer.says


def _append(folder: Path, writer: LedgerWriter, noted: Noted, now_ns: int) -> str | None:
    record = Record("export", now_ns, "record", day_text(day_number(now_ns)), msgspec.json.encode(noted))
    try:
        writer.append([record])
    except OSError as error:
        return f"{folder}: {(error.strerror or str(error)).lower()}"
    finally:
        writer.close()
    return None
