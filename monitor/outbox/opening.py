"""Opens the owner's file. One that is broken is put aside under another name, and a new one begun.

The caller then finds no position, and fills the new file from the ledger. Numbers of events go on beyond all
that were given before, so that what receivers' cursors stand at is never used twice.
"""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from monitor.files import InputError
from monitor.outbox.owning import FILE_MODE
from monitor.outbox.schema import (
    check_version,
    connect,
    explained,
    is_broken,
    set_up,
    transaction,
    version_of,
)

KEPT_ASIDE = 3  # broken files; the oldest of more are deleted
JOURNAL = "-journal"
# A new file counts from here: the second it was made, and room for a million events in each since.
_SEQS_A_SECOND = 1_048_576
_SECOND_NS = 1_000_000_000


def open_owned(path: Path, now_ns: int) -> tuple[sqlite3.Connection, str | None]:
    """Return a connection to a whole file, and a note where the one that was there is put aside.

    Raises InputError where it can neither be used nor put aside.
    """
    problem: str | None = None
    try:
        return _open(path, now_ns), None
    except sqlite3.Error as error:
        if not is_broken(error):
            raise explained(path, error) from None
        problem = str(error)
    except _BrokenError as error:
        problem = str(error)
    aside = path.with_name(f"{path.name}.broken-{now_ns}")
    try:
        _put_aside(path, aside)
        connection = _open(path, now_ns)
    except OSError as error:
        raise InputError(str(path), f"{problem}, and {error.strerror}", "move it away") from None
    except sqlite3.Error as error:
        raise explained(path, error) from None
    return connection, f"{path}: broken ({problem}); kept as {aside.name}, and made anew from the ledger"


class _BrokenError(Exception):
    """What the check of a file said."""


def _open(path: Path, now_ns: int) -> sqlite3.Connection:
    """Open, check, make what is not there. Raises InputError, sqlite3.Error, _BrokenError."""
    with suppress(FileExistsError, OSError):  # SQLite says what is wrong
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, FILE_MODE))
    connection = connect(path, "rwc")
    try:
        version = version_of(connection)
        check_version(path, version)
        _check(connection)
        set_up(connection)
        if version == 0:
            _count_from(connection, now_ns // _SECOND_NS * _SEQS_A_SECOND)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection) -> None:
    """Look through the whole file. Raises _BrokenError, sqlite3.Error."""
    said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if said != "ok":
        raise _BrokenError(said)


def _count_from(connection: sqlite3.Connection, seq: int) -> None:
    with transaction(connection):
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?)", (seq,))


def _put_aside(path: Path, aside: Path) -> None:
    """Rename a file and its journal, which must not be applied to another one. Raises OSError."""
    journal = path.with_name(path.name + JOURNAL)
    if journal.exists():
        journal.replace(aside.with_name(aside.name + JOURNAL))
    path.replace(aside)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    found = sorted(
        each for each in path.parent.glob(f"{path.name}.broken-*") if not each.name.endswith(JOURNAL)
    )
    for old in found[:-KEPT_ASIDE]:
        old.unlink(missing_ok=True)
        old.with_name(old.name + JOURNAL).unlink(missing_ok=True)
