"""A small archive whose every answer is known, and the same rows in ClickHouse."""

import datetime as dt
import importlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from monitor.archive.asking import PARAMETERS, Question, for_clickhouse
from monitor.ledger.days import DAY_NS
from monitor.types import Attribution, Decision
from monitor.windows import Window
from sensors.observations import Count
from tests.archive_kit import append, archived, replayed, varied
from tests.ledger_kit import FILING, NOW_NS
from tests.rejudge_kit import run

SCHEMA = Path(__file__).parents[1] / "packaging/clickhouse/schema.sql"


class Made:
    """Says decisions in a few words. Days count from 2026-03-10."""

    def __init__(self) -> None:
        self.found: list[Decision] = []

    def add(self, day: int, client: str, provider: str | None, outcome: str | None, **more: Any) -> None:
        """Add a decision; ``more`` are its other fields, wherever they stand."""
        base = varied(len(self.found), day, more.pop("tenant", "acme"), outcome)
        connection = base.connection
        up = more.pop("up", 100)
        totals = replace(
            connection.totals, bytes_up=up, bytes_down=10 * up, handshake_rtt_ns=more.pop("rtt", None)
        )
        subject = replace(
            connection.subject, source_group=more.pop("group", "crm"), data_class=more.pop("data", "crm")
        )
        at_ns = base.ts_ns + more.pop("hours", 0) * DAY_NS // 24
        connection = replace(
            connection,
            ts_ns=at_ns,
            subject=subject,
            totals=totals,
            flow=replace(connection.flow, client=client),
            coverage=more.pop("coverage", "sni"),
        )
        about = {name: more.pop(name) for name in ("rule", "exception") if name in more}
        place = {"service": "API", "scope": "region", "region": "eu-1", "countries": ("DE",), **more}
        attribution = Attribution(provider, certainty=place.pop("certainty", "observed"), **place)
        base = replace(base, ts_ns=at_ns, connection=connection, attribution=attribution)
        self.found.append(replace(base, rule=about.get("rule"), exception=about.get("exception")))


def small(folder: Path) -> Path:
    """Make the archive; return its folder."""
    made = Made()
    anywhere = {"scope": "global", "region": None, "countries": (), "rule": "R1"}
    unknown = {"scope": "unknown", "region": None, "countries": (), "certainty": "indeterminate"}
    nobodys = {"group": None, "data": None}
    made.add(-80, "10.0.0.1", "aws", "allow", up=500, rtt=3_000_000)
    made.add(-40, "10.0.0.1", "aws", "allow", up=700, rtt=5_000_000)
    made.add(0, "10.0.0.1", "aws", "allow", up=900, rtt=9_040_000)
    made.add(0, "10.0.0.1", "aws", "violation", **anywhere)
    made.add(0, "10.0.0.2", "openai", "violation", hours=2, **anywhere)
    made.add(1, "10.0.0.2", "openai", "violation", hours=2, **anywhere)
    made.add(1, "10.0.0.3", "mistral", "excepted", exception="E-1", rule="R2", countries=("FR",), up=40)
    either = {"possible": ("aws", "azure"), "service": None, "coverage": "ambiguous"}
    made.add(1, "10.0.0.3", None, "indeterminate", **unknown, **either)
    eu = {"scope": "group", "region": "eu", "countries": ("DE", "FR"), "rtt": 20_000_000}
    made.add(2, "10.9.0.1", "azure", None, tenant="o'neil", **nobodys, **eu)
    made.add(2, "10.9.0.9", "azure", "unassigned", tenant=None, up=1, **nobodys)
    archive = folder / "archive"
    day = NOW_NS - NOW_NS % DAY_NS
    windows = [
        Window(day, day + 1, "edge", "", 10, 100, {"sni": 6, "dns": 1, "lost": 3}, 50, {"ring": Count(4, 0)}),
        Window(day + 1, day + 2, "edge", "", 0, 0, {}, 0, {}, blind=("eth0 was not up",)),
    ]
    ledger = append(folder, *(FILING.window(each, NOW_NS) for each in windows))
    archived(archive, replayed(folder / "out", made.found), ledger)
    return archive


def answer(archive: Path, name: str, **given: str) -> list[list[Any]]:
    """What the command prints of a question, as lists."""
    options = [word for key, value in given.items() for word in (f"--{key.replace('_', '-')}", value)]
    shown = run("query", name, "--archive", archive, "--format", "json", *options)
    assert shown.exit_code == 0, shown.output
    return [list(json.loads(line).values()) for line in shown.stdout.splitlines()]


class ClickHouse:
    """An embedded ClickHouse with the shipped tables, and an archive's rows in them."""

    def __init__(self, archive: Path, folder: Path) -> None:
        self._session: Any = importlib.import_module("chdb.session").Session(str(folder))  # heavy
        self.run("CREATE DATABASE residency")
        self.run("USE residency")
        # Rows of past days would be gone at once: what expires is another test's.
        for statement in re.sub(
            r"\nTTL.*?(?=\nSETTINGS)", "", SCHEMA.read_text("utf-8"), flags=re.DOTALL
        ).split(";"):
            if statement.strip():
                self.run(statement)
        for table in ("decisions", "coverage"):
            self.load(archive, table)

    def load(self, archive: Path, table: str) -> None:
        """Load a table's parts."""
        source = f"file('{archive}/{table}/**/*.parquet', Parquet)"
        self.run(f"INSERT INTO {table} SELECT * FROM {source} SETTINGS use_hive_partitioning = 0")  # noqa: S608

    def run(self, sql: str, **given: str | None) -> list[list[Any]]:
        """Run a statement; a parameter that is None is NULL."""
        bound = {name: "\\N" if value is None else value for name, value in given.items()}
        data = self._session.query(sql, "JSONCompactEachRow", params=bound).data()
        return [json.loads(line) for line in data.splitlines()]

    def answer(self, question: Question, **given: str) -> list[list[Any]]:
        """What a question comes to."""
        bound = {name: given.get(name) for name in question.parameters}
        assert set(given) <= set(PARAMETERS)
        return self.run(for_clickhouse(question.sql), **bound)

    def close(self) -> None:
        self._session.close()


def comparable(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Rows of either engine: whole numbers alike, large ones too."""
    return [[_plain(value) for value in row] for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dt.date):
        return str(value)
    return value
