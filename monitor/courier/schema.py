"""The courier's database, STATE/delivery.db: its tables, and how its rows are values."""

import sqlite3
from pathlib import Path

import msgspec

from monitor.courier.letters import DeadLetter, LaneState
from monitor.events.types import Event
from monitor.files import InputError

DATABASE, LOCK = "delivery.db", "delivery.lock"  # below the state folder
VERSION = 1
BUSY_SECONDS = 5.0  # to wait for a reader who is about to be done
TABLES = """
CREATE TABLE lanes (
    sink TEXT PRIMARY KEY, cursor INTEGER NOT NULL, attempts INTEGER NOT NULL, failing_ns INTEGER,
    next_try_ns INTEGER NOT NULL, error TEXT, error_ns INTEGER, delivered INTEGER NOT NULL,
    shed INTEGER NOT NULL, drop_to INTEGER NOT NULL DEFAULT 0, served INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TABLE dead (
    sink TEXT NOT NULL, seq INTEGER NOT NULL, key TEXT NOT NULL, event BLOB NOT NULL, reason TEXT NOT NULL,
    since_ns INTEGER NOT NULL, attempts INTEGER NOT NULL, again INTEGER NOT NULL, PRIMARY KEY (sink, seq)
) STRICT;
CREATE INDEX dead_again ON dead (sink, seq) WHERE again = 1;
CREATE TABLE drops (sink TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (sink, key)) STRICT, WITHOUT ROWID;
"""
LANE_COLUMNS = ", ".join(LaneState.__struct_fields__)
DEAD_COLUMNS = "sink, seq, event, reason, since_ns, attempts, again"

_decode = msgspec.json.Decoder(Event).decode


class UnusableError(InputError):
    """The database is broken, or another program's."""


def lane_of(row: sqlite3.Row) -> LaneState:
    """Return the state that a row of ``lanes`` holds."""
    return LaneState(**{name: row[name] for name in LaneState.__struct_fields__})


def letter_of(row: sqlite3.Row) -> DeadLetter:
    """Return the dead letter that a row holds. Raises msgspec.DecodeError where its event is none."""
    return DeadLetter(
        row["sink"],
        row["seq"],
        _decode(row["event"]),
        row["reason"],
        row["since_ns"],
        row["attempts"],
        bool(row["again"]),
    )


def check_version(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of the tables, 0 of a new file. Raises UnusableError for one from later."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        problem = f"written by a newer program (format {version}, this one knows {VERSION})"
        raise UnusableError(str(path), problem, "use that program, or name another state folder")
    return version
