"""The tables as Parquet: one file a table, typed, compressed by zstd, with the versions as metadata.

Times are in UTC to the nanosecond; one beyond what 64 bits hold is null. pyarrow is optional (extra
``audit``) and heavy: it is imported when a table is written, not before.
"""

from pathlib import Path
from typing import Any

from monitor.replacing import Replacing
from monitor.report.files.table import Cell, Kind, Table

_INT64 = 1 << 63


def write_parquet(table: Table, path: Path, metadata: dict[str, str]) -> None:
    """Write a table. Raises OSError."""
    import pyarrow as pa  # noqa: PLC0415  optional and heavy
    import pyarrow.parquet as pq  # noqa: PLC0415

    kinds: dict[Kind, Any] = {
        "text": pa.string(),
        "list": pa.list_(pa.string()),
        "count": pa.int64(),
        "time": pa.timestamp("ns", tz="UTC"),
        "flag": pa.bool_(),
    }
    fields = [(head.name, kinds[head.kind]) for head in table.heads]
    schema = pa.schema(fields).with_metadata({**metadata, "residency.table": table.says})
    columns = [
        pa.array([_held(row[at]) for row in table.rows], type=kind) for at, (_, kind) in enumerate(fields)
    ]
    with Replacing(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def _held(cell: Cell) -> Cell:
    """Return a cell that Arrow can hold."""
    is_wide = isinstance(cell, int) and not -_INT64 <= cell < _INT64
    return None if is_wide else cell
