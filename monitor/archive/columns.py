"""The columns of the archive's two tables, and how what was recorded becomes a row of them.

``decisions`` has the columns of ``connections.parquet``, says where each row comes from, and the one country
that the evidence points to, as metrics have it. ``coverage`` says how much could be seen.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from monitor.archive.layout import Table
from monitor.counts import FlowCount
from monitor.coverage import COVERAGE_CLASSES, NAMED
from monitor.parquet import row_of, schema_of
from monitor.policy.places import one_country
from monitor.summary import GroupCoverage
from monitor.types import Coverage, Decision
from monitor.windows import UNREAD, Window

Row = dict[str, object]
TIMES: dict[Table, str] = {"decisions": "first_packet", "coverage": "since"}  # what rows are ordered by
_INT32, _INT64 = 2**31, 2**63
_PORTS = ("client_port", "server_port", "vlan")
_COUNTS = (
    "connections",
    "named",
    "bytes",
    *COVERAGE_CLASSES,
    "packets",
    "unread",
    "shed",
    "left_over",
    "unwritten",
)


def schemas(pa: Any) -> dict[Table, Any]:
    """Return the Arrow schema of each table."""
    text, time = pa.string(), pa.timestamp("ns", tz="UTC")
    origin = {"sensor": text, "ledger_index": pa.int64(), "source": text, "day": pa.date32()}
    coverage = {
        "since": time,
        "until": time,
        "tenant": text,
        "source_group": text,
        "whole": pa.bool_(),
        **dict.fromkeys(_COUNTS, pa.int64()),
        "blind": pa.list_(text),
    }
    return {
        "decisions": schema_of(pa, {**origin, "finding": text, "country": text}),
        "coverage": pa.schema([*coverage.items(), *origin.items()]),
    }


def origin_of(source: str, index: int | None, sensor: str | None, day: str) -> Row:
    """Return the columns that say where a row comes from; ``day`` is the one that retention counts from."""
    return {
        "sensor": sensor,
        "ledger_index": index,
        "source": source,
        "day": dt.date.fromisoformat(day),
    }


def decision_row(decision: Decision, finding: str | None, origin: Row) -> Row:
    """Return a decision's row. Raises ValueError for numbers that no column holds."""
    more = {"finding": finding, "country": one_country(decision.attribution)}
    row = {**row_of(decision), **origin, **more}
    for name, value in row.items():
        if type(value) is int and not -_INT64 <= value < _INT64:
            raise ValueError(f"{name} is out of range")
    for name in _PORTS:
        port = row[name]
        if isinstance(port, int) and not -_INT32 <= port < _INT32:
            raise ValueError(f"{name} is out of range")
    return row


def window_row(window: Window, tenant: str | None, origin: Row) -> Row:
    """Return the row of a sensor's window, which stands in the ledger of each tenant: ``whole``."""
    flows = window.coverage
    return {
        "since": window.since_ns,
        "until": window.until_ns,
        "tenant": tenant,
        "source_group": None,
        "whole": True,
        "connections": window.connections,
        "named": sum(flows.get(name, 0) for name in NAMED),
        "bytes": window.bytes,
        **{name: flows.get(name, 0) for name in COVERAGE_CLASSES},
        "packets": window.packets,
        "unread": sum(window.lost[reason].packets for reason in UNREAD if reason in window.lost),
        "shed": window.shed,
        "left_over": window.left,
        "unwritten": window.unwritten,
        "blind": window.blind,
        **origin,
    }


def group_row(group: GroupCoverage, period: tuple[int, int], origin: Row) -> Row:
    """Return the row of what a replay saw of one source group, between its first and its last packet."""
    flows: Mapping[Coverage, FlowCount] = group.coverage
    return {
        "since": period[0],
        "until": period[1],
        "tenant": group.tenant,
        "source_group": group.source_group,
        "whole": False,
        "connections": group.connections.flows,
        "named": sum(flows[name].flows for name in NAMED if name in flows),
        "bytes": group.connections.bytes(),
        **{name: flows[name].flows if name in flows else 0 for name in COVERAGE_CLASSES},
        **dict.fromkeys(("packets", "unread", "shed", "left_over", "unwritten")),
        "blind": (),
        **origin,
    }
