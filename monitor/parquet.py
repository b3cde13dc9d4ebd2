"""Decisions as one flat table, a row a connection, for pandas and SQL engines: ``connections.parquet``.

Columns are fixed, so that a year of files reads as one; the archive has the same and a few more. pyarrow is
optional (extra ``audit``) and heavy: it is imported when a table is written, not before.
"""

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec

from monitor.replacing import Replacing
from monitor.tally import evident_name
from monitor.types import Decision

CONNECTIONS = "connections.parquet"  # the file's name
PARQUET_ROWS = 50_000  # connections a row group

_ATTRIBUTION = ("provider", "possible", "service", "scope", "region", "countries", "certainty")
_TOTALS = (
    "packets_up", "packets_down", "bytes_up", "bytes_down",
    "duration_ns", "handshake_rtt_ns", "first_byte_ns",
)  # fmt: skip
COLUMNS = (
    "first_packet", "client", "client_port", "server", "server_port", "transport", "vlan", "tunnel", "tenant",
    "source_group", "data_class", "name", "name_source", "name_state", "coverage", "carrier", "ech", "ja4",
    *_ATTRIBUTION, "evidence", "conflicts", "outcome", "rule", "severity", "exception", "reasons",
    *_TOTALS, "end_reason",
)  # fmt: skip
_LISTS = frozenset({"possible", "countries", "evidence", "conflicts", "reasons"})
_PORTS = frozenset({"client_port", "server_port", "vlan"})


class MissingExtraError(Exception):
    """An optional part is not installed. The message says what to install."""


def require_parquet() -> None:
    """Raise MissingExtraError unless Parquet files can be written."""
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingExtraError(
            "--out writes connections.parquet, which needs the audit extra; "
            "install it: pip install 'residency-monitor[audit]'"
        )


@contextmanager
def loading_meanwhile() -> Iterator[None]:
    """Import what writes tables on a thread of its own, while something else is done: that takes a second."""
    loader = Thread(target=_load, name="load-parquet")
    loader.start()
    try:
        yield
    finally:
        loader.join()


def _load() -> None:
    with suppress(ImportError):  # whoever writes says it
        import pyarrow as pa  # noqa: PLC0415  optional and heavy
        import pyarrow.parquet  # noqa: PLC0415

        pa.array([])  # looks for pandas, once


def write_connections(folder: Path, decisions: Path, versions: dict[str, str]) -> None:
    """Write ``connections.parquet``: one flat row for each line of the decisions file, in its order."""
    import pyarrow as pa  # noqa: PLC0415  optional and heavy
    import pyarrow.parquet as pq  # noqa: PLC0415

    schema = schema_of(pa).with_metadata(versions)
    with Replacing(folder / CONNECTIONS) as out, decisions.open("rb") as lines:
        decoded = map(msgspec.json.Decoder(Decision).decode, lines)
        with pq.ParquetWriter(out, schema, compression="zstd") as writer:
            while rows := [row_of(decision) for decision in islice(decoded, PARQUET_ROWS)]:
                writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def row_of(decision: Decision) -> dict[str, object]:
    """Return a decision's row, by column. Times are nanoseconds since the Unix epoch."""
    connection, attribution = decision.connection, decision.attribution
    name = evident_name(connection)
    hello, totals = connection.hello, connection.totals
    return {
        "first_packet": decision.ts_ns,
        **msgspec.structs.asdict(connection.flow),
        **msgspec.structs.asdict(connection.subject),
        "name": name.value if name else None,
        "name_source": name.source if name else None,
        "name_state": name.state if name else None,
        "coverage": connection.coverage,
        "carrier": hello.carrier if hello else None,
        "ech": hello.ech if hello else None,
        "ja4": hello.ja4 if hello else None,
        **{field: getattr(attribution, field) for field in _ATTRIBUTION},
        "evidence": [item.says for item in attribution.evidence],
        "conflicts": [item.says for item in attribution.conflicts],
        "outcome": decision.outcome,
        "rule": decision.rule,
        "severity": decision.severity,
        "exception": decision.exception,
        "reasons": decision.reasons,
        **{field: getattr(totals, field) for field in _TOTALS},
        "end_reason": totals.reason,
    }


def schema_of(pa: Any, more: Mapping[str, Any] | None = None) -> Any:
    """Return the Arrow schema: times in UTC, counts as int64, everything else text or lists of text.

    ``more`` are columns that stand behind these, by name, each with its Arrow type.
    """

    def kind(column: str) -> Any:
        if column == "first_packet":
            return pa.timestamp("ns", tz="UTC")
        if column in _LISTS:
            return pa.list_(pa.string())
        if column in _PORTS:
            return pa.int32()
        return pa.int64() if column in _TOTALS else pa.string()

    return pa.schema([*((column, kind(column)) for column in COLUMNS), *(more or {}).items()])
