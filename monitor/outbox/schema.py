"""The SQLite file: its tables, how it is opened, and what its errors mean to people.

A rollback journal and ``synchronous=FULL``: a commit that returned is on the disk. Never WAL, whose shared
memory a reader of another host, user or container cannot use.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from monitor.files import InputError

STATE = "state.db"  # below the state folder
VERSION = 1  # of the tables, in user_version
PAGE_BYTES = 16384
CACHE_KIB = 32_768  # a commit fits, so that it is written once
WAIT_SECONDS = 5.0  # for another process' short transaction
Mode = Literal["rwc", "rw", "ro"]

TABLES = """
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    turn INTEGER NOT NULL,      -- the lower, the sooner it is folded
    severity TEXT NOT NULL,
    tenant TEXT,
    finding TEXT,
    at_ns INTEGER NOT NULL,
    body BLOB NOT NULL          -- the event as JSON
);
CREATE INDEX events_by_turn ON events (turn, seq);
CREATE TABLE findings (
    id TEXT PRIMARY KEY,
    is_open INTEGER NOT NULL,
    body BLOB,                  -- the finding as JSON, where it is not as its last event says
    event BLOB                  -- the last event about it, as JSON
);
CREATE TABLE position (
    ledger TEXT PRIMARY KEY,
    entries INTEGER NOT NULL    -- of this ledger, that the findings hold
) WITHOUT ROWID;
"""
# Of a fleet alone, and made when it is first written to.
ORIGINS = """
CREATE TABLE IF NOT EXISTS origins (
    place INTEGER PRIMARY KEY,  -- in the order in which runs came
    ledger TEXT NOT NULL,
    partition INTEGER NOT NULL,
    sensor TEXT NOT NULL,
    run TEXT NOT NULL,          -- of the sensor
    number INTEGER NOT NULL,    -- the last parcel that led to something which the ledger took,
    step INTEGER NOT NULL,      -- and the last of what it led to
    UNIQUE (ledger, partition, sensor, run)
)
"""

_MENDS: tuple[tuple[int, str], ...] = (  # by primary result code
    (sqlite3.SQLITE_FULL, "make room on its disk"),
    (sqlite3.SQLITE_READONLY, "mount it writable, and give this user the right to write there"),
    (sqlite3.SQLITE_CANTOPEN, "see that its folder is there, mounted writable, and this user's to write in"),
    (sqlite3.SQLITE_PERM, "give this user the right to use it"),
    (sqlite3.SQLITE_BUSY, "end what holds it open; it is tried again"),
    (sqlite3.SQLITE_CORRUPT, "start the daemon anew, which rebuilds it from the ledger"),
    (sqlite3.SQLITE_NOTADB, "start the daemon anew, which rebuilds it from the ledger"),
)
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class OutboxError(InputError):
    """What was asked did not happen, and nothing changed. It may succeed later."""


def connect(path: Path, mode: Mode) -> sqlite3.Connection:
    """Open a connection whose transactions are begun by hand, one at a time. Raises sqlite3.Error."""
    address = f"file:{quote(str(path.absolute()))}?mode={mode}"
    return sqlite3.connect(
        address, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False, uri=True
    )


def set_up(connection: sqlite3.Connection) -> None:
    """Have an owner's connection be durable; make the tables of a new file. Raises sqlite3.Error."""
    connection.execute(f"PRAGMA page_size={PAGE_BYTES}")  # of a new file alone
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")  # what is deleted does not stay in the file
    connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    connection.execute("PRAGMA temp_store=MEMORY")
    if version_of(connection) == 0:
        connection.executescript(f"BEGIN IMMEDIATE; {TABLES} PRAGMA user_version={VERSION}; COMMIT;")


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of the tables; 0 is a new file. Raises sqlite3.Error."""
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return found


def check_version(path: Path, version: int) -> None:
    """Refuse tables of another program's making; none yet are fine. Raises OutboxError."""
    if version not in (0, VERSION):
        problem = f"its tables have version {version}, and this program knows {VERSION}"
        raise OutboxError(str(path), problem, "use the program that made it")


def is_broken(error: sqlite3.Error) -> bool:
    """Tell whether an error says that the file itself is no good."""
    return _primary(error) in _BROKEN


def explained(path: Path, error: sqlite3.Error) -> OutboxError:
    """Return an error of SQLite as one line with its mend."""
    code = _primary(error)
    mend = next((mend for known, mend in _MENDS if known == code), "check the disk")
    return OutboxError(str(path), str(error), mend)


@contextmanager
def transaction(connection: sqlite3.Connection, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
    """Do all or nothing. Raises sqlite3.Error; the connection can be used again."""
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _primary(error: sqlite3.Error) -> int | None:
    code: int | None = getattr(error, "sqlite_errorcode", None)  # not of misuse
    return None if code is None else code & 0xFF
