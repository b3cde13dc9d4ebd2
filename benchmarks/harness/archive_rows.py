"""An archive of many connections, as a company of some tenants would have it after a year; quickly made.

The parts are written by the archive's own writer, in its layout after merging: by month, and the last month
by day. Connections come in office hours, most of them of few endpoints, and allowed. The same seed gives
the same rows.
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from monitor.archive.columns import schemas
from monitor.archive.compacting import MAX_ROWS
from monitor.archive.layout import Place
from monitor.archive.parts import write_table
from monitor.archive.types import Part
from monitor.ledger.types import PayloadClass

FIRST_DAY = dt.date(2025, 3, 11)
TENANTS, PROVIDERS, REGIONS, GROUPS, CLIENTS = 30, 40, 3, 6, 400
SHARES: dict[PayloadClass, float] = {
    "allow": 0.86,
    "indeterminate": 0.06,
    "violation": 0.05,
    "excepted": 0.03,
}
_DAY_NS = 86_400_000_000_000
_PLACES = ("DE", "FR", "NL", "IE", "SE", "US", "JP", "GB")
_SCOPES = ("region", "entry", "global")
_HOURS = np.array([1, 1, 1, 1, 1, 2, 4, 8, 14, 16, 15, 13, 12, 15, 16, 15, 13, 9, 5, 3, 2, 2, 1, 1]) / 171


class Piece(msgspec.Struct, frozen=True):
    """Rows of one part: their partition, and the days that they are spread over."""

    place: Place
    first_day: dt.date
    days: int
    rows: int
    seed: int


def pieces(rows: int, days: int) -> Iterator[Piece]:
    """Yield what an archive of so many rows consists of."""
    weights = 1 / np.arange(1, TENANTS + 1) ** 0.7
    spans = list(_spans(days))
    seed = 0
    for tenant, weight in enumerate(weights / weights.sum()):
        for payload_class, share in SHARES.items():
            for period, first_day, length in spans:
                left = round(rows * weight * share * length / days)
                place = Place("decisions", f"tenant-{tenant:02}", payload_class, period)
                while left:
                    some = min(left, MAX_ROWS)
                    yield Piece(place, first_day, length, some, seed)
                    left, seed = left - some, seed + 1


def write(root: Path, piece: Piece) -> Part:
    """Write a part."""
    chance = np.random.default_rng(piece.seed)
    tenant = int(piece.place.tenant.removeprefix("tenant-")) if piece.place.tenant else 0
    at = np.minimum((chance.pareto(1.2, piece.rows) * 4).astype("int64"), PROVIDERS * REGIONS - 1)
    who = chance.integers(0, CLIENTS, piece.rows)
    columns = {
        **_taken(_endpoints(piece.place.payload_class), at),
        **_taken(_clients(tenant), who),
        **_numbers(chance, piece),
    }
    schema = schemas(pa)["decisions"]
    fixed = _fixed(piece)
    arrays = [
        columns[field.name].cast(field.type)
        if field.name in columns
        else pa.repeat(pa.scalar(fixed.get(field.name), field.type), piece.rows)
        for field in schema
    ]
    return write_table(root, piece.place, pa.Table.from_arrays(arrays, schema=schema))


def _spans(days: int) -> Iterator[tuple[str, dt.date, int]]:
    """Yield months that are over, and the days of the last one: period, first day, number of days."""
    last = FIRST_DAY + dt.timedelta(days=days - 1)
    day = FIRST_DAY
    while day <= last:
        following = (day.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
        if following <= last:
            yield f"{day:%Y-%m}", day, (following - day).days
            day = following
        else:
            yield f"{day}", day, 1
            day += dt.timedelta(days=1)


def _taken(table: Any, at: Any) -> dict[str, Any]:
    return dict(zip(table.column_names, table.take(pa.array(at)).combine_chunks().columns, strict=True))


def _endpoints(payload_class: PayloadClass) -> Any:
    """Return all endpoints, the most used first."""
    rows = []
    for number in range(PROVIDERS * REGIONS):
        provider, region = f"provider-{number % PROVIDERS:02}", number // PROVIDERS
        country = _PLACES[(number * 7 + region) % len(_PLACES)]
        name = f"api.region-{region}.{provider}.example"
        scope = _SCOPES[number % len(_SCOPES)]
        rows.append({
            "provider": provider, "service": "API", "scope": scope, "name": name, "server_port": 443,
            "region": f"region-{region}" if scope != "global" else None,
            "countries": [country] if scope != "global" else [], "possible": [], "conflicts": [],
            "country": country if scope != "global" else "global",
            "certainty": "inferred" if payload_class == "indeterminate" else "observed",
            "evidence": [
                f"the client's hello names {name}, which is API of {provider}",
                f"{name}: processing is pinned to {country}; source: the provider's own page of {FIRST_DAY}",
            ],
            "reasons": [f"{payload_class} by RES-0{number % 9}", "its place is that of the endpoint"],
            "rule": f"RES-0{number % 9}", "server": f"203.0.{number}.7",
            "finding": f"{number:016x}" if payload_class == "violation" else None,
        })  # fmt: skip
    return pa.Table.from_pylist(rows)


def _clients(tenant: int) -> Any:
    """Return the clients of a tenant."""
    return pa.Table.from_pylist([
        {
            "client": f"10.{tenant}.{number % GROUPS}.{number // GROUPS}",
            "source_group": f"group-{number % GROUPS}",
            "data_class": ("crm", "general", "health")[number % 3],
            "ja4": f"t13d1812h1_{number % 37:012x}_d41ae481755e",
        }
        for number in range(CLIENTS)
    ])  # fmt: skip


def _numbers(chance: np.random.Generator, piece: Piece) -> dict[str, Any]:
    """Return times, ports and totals."""
    rows = piece.rows
    start = (piece.first_day - dt.date(1970, 1, 1)).days
    day = start + chance.integers(0, piece.days, rows)
    hour = chance.choice(24, rows, p=_HOURS)
    within = hour * 3_600_000_000_000 + chance.integers(0, 3_600_000_000_000, rows)
    up = (chance.pareto(1.3, rows) * 2_000).astype("int64") + 1_500
    down = (chance.pareto(1.3, rows) * 6_000).astype("int64") + 3_000
    return {
        "first_packet": pa.array(day * _DAY_NS + within),
        "day": pa.array(day.astype("int32")),
        "ledger_index": pa.array(np.arange(rows)),
        "client_port": pa.array(chance.integers(32_768, 61_000, rows)),
        "packets_up": pa.array(up // 700 + 3),
        "packets_down": pa.array(down // 1_200 + 3),
        "bytes_up": pa.array(up),
        "bytes_down": pa.array(down),
        "duration_ns": pa.array((chance.exponential(2e9, rows)).astype("int64")),
        "handshake_rtt_ns": pa.array((chance.gamma(2.0, 6e6, rows)).astype("int64") // 100_000 * 100_000),
        "first_byte_ns": pa.array((chance.gamma(2.0, 2e7, rows)).astype("int64") // 100_000 * 100_000),
    }


def _fixed(piece: Piece) -> dict[str, object]:
    """Return what all rows of a part have in common."""
    return {
        "tenant": piece.place.tenant, "transport": "tcp", "name_source": "sni", "name_state": "live",
        "coverage": "sni", "carrier": "tls", "ech": "none", "outcome": piece.place.payload_class,
        "severity": "high" if piece.place.payload_class == "violation" else None,
        "exception": "EXC-1" if piece.place.payload_class == "excepted" else None,
        "end_reason": "fin", "sensor": "edge-1", "source": f"ledger residency/edge-1/{piece.place.tenant}",
    }  # fmt: skip
