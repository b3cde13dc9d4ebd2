"""Archives for the tests: made of ledgers and replays, and read back whole."""

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec.structs import replace

from monitor.archive.columns import schemas
from monitor.archive.layout import TABLES, Table
from monitor.archive.run import Archived, Inputs, archive
from monitor.archive.store import Archive, read_manifest
from monitor.archive.types import Manifest
from monitor.exports import DECISIONS
from monitor.ledger.types import PayloadClass, Record
from monitor.parquet import row_of
from monitor.policy.places import one_country
from monitor.recording.records import sensor_said
from monitor.types import Decision
from tests.ledger_kit import DAY_NS, FILING, NOW_NS, opened
from tests.rejudge_kit import DEMO, decisions

Rows = list[dict[str, Any]]


def kept_for_good(_: PayloadClass) -> int | None:
    return None


def archived(
    folder: Path,
    *paths: Path,
    now_ns: int = NOW_NS,
    kept_days: Callable[[PayloadClass], int | None] = kept_for_good,
) -> Archived:
    """Archive into a folder, as the command does."""
    inputs = Inputs(paths)
    with Archive(folder) as into:
        return archive(into, inputs, kept_days, now_ns, lambda _: None)


def rows(folder: Path, table: Table = "decisions") -> Rows:
    """All rows of a table that count, by source and number."""
    found: Rows = []
    for part in manifest(folder).parts:
        if part.place.table == table:
            found += read(folder / part.path)
    return sorted(
        found, key=lambda row: (row["source"], -1 if row["ledger_index"] is None else row["ledger_index"])
    )


def read(path: Path) -> Rows:
    """The rows of a part, times in nanoseconds."""
    whole = pq.ParquetFile(path).read()
    columns = [
        column.cast("int64") if pa.types.is_timestamp(column.type) else column for column in whole.columns
    ]
    return list(pa.Table.from_arrays(columns, names=whole.column_names).to_pylist())


def manifest(folder: Path) -> Manifest:
    found = read_manifest(folder)
    assert found is not None
    return found


def files(folder: Path) -> set[str]:
    """The parts that are on the disk, and whatever else there is in their folders."""
    return {
        str(path.relative_to(folder))
        for table in TABLES
        for path in (folder / table).rglob("*")
        if path.is_file()
    }


def wanted_row(decision: Decision, source: str, index: int, day: str, **more: object) -> dict[str, Any]:
    """The row that a decision is to have; lists and days as Parquet gives them."""
    row = {
        name: list(value) if isinstance(value, tuple) else value for name, value in row_of(decision).items()
    }
    about = {"sensor": None, "ledger_index": index, "source": source, "day": dt.date.fromisoformat(day)}
    return {**row, **about, "finding": None, "country": one_country(decision.attribution), **more}


def replayed(folder: Path, found: Sequence[Decision]) -> Path:
    """A folder as a replay leaves it, with decisions alone."""
    folder.mkdir(exist_ok=True)
    lines = b"".join(msgspec.json.encode(each) + b"\n" for each in found)
    (folder / DECISIONS).write_bytes(lines)
    return folder


def varied(
    number: int, days: int = 0, tenant: str | None = "acme", outcome: str | None = "violation"
) -> Decision:
    """One of the demo's decisions, told from others by a number, so many days later."""
    first = decisions(DEMO)[1]
    connection = first.connection
    flow = replace(connection.flow, client=f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}")
    at_ns = first.ts_ns + days * DAY_NS + number
    changed = replace(connection, ts_ns=at_ns, flow=flow, subject=replace(connection.subject, tenant=tenant))
    return replace(first, ts_ns=at_ns, connection=changed, outcome=outcome)


def column_names(table: Table) -> list[str]:
    return list(schemas(pa)[table].names)


def live(decision: Decision, bytes_up: int) -> Decision:
    """The same connection while it lives."""
    connection = decision.connection
    totals = replace(connection.totals, reason="active", bytes_up=bytes_up)
    return replace(decision, connection=replace(connection, totals=totals))


def append(folder: Path, *found: Decision | Record, now_ns: int = NOW_NS) -> Path:
    """Append to the ledger of acme below a folder; return its root."""
    ledgers = opened(folder, now_ns)
    records = [FILING.decision(each, None, now_ns) if isinstance(each, Decision) else each for each in found]
    ledgers.append("acme", records)
    ledgers.close()
    return ledgers.root


def started(now_ns: int = NOW_NS) -> Record:
    return FILING.note("sensor-start", sensor_said("edge", "dpkt"), now_ns)
