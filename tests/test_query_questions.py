"""Every ready question: what it answers over a small archive, and that ClickHouse answers the same."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.archive.asking import PARAMETERS, for_clickhouse, question_of
from monitor.commands.query import questions
from tests.archive_kit import archived
from tests.query_kit import SCHEMA, ClickHouse, answer, comparable, small
from tests.rejudge_kit import run

QUESTIONS = questions()
ALL = "2026-03-10", "2026-03-11", "2026-03-12"
ANSWERS: dict[str, list[list[Any]]] = {
    "busiest-hours": [
        ["2026-03-10 09:00:00", 1, 1, 1, 100],
        ["2026-03-10 11:00:00", 1, 1, 1, 100],
        ["2026-03-11 11:00:00", 1, 1, 1, 100],
    ],
    "changed": [
        ["acme", "crm", "aws", "allow", 1, 2, 1, 1],
        ["acme", "crm", "aws", "violation", 0, 1, 0, 1],
        ["acme", "crm", "mistral", "excepted", 0, 1, 0, 1],
        ["acme", "crm", "openai", "violation", 0, 2, 0, 1],
        ["acme", "crm", None, "indeterminate", 0, 1, 0, 1],
        ["o'neil", None, "azure", "inventory", 0, 1, 0, 1],
        [None, None, "azure", "unassigned", 0, 1, 0, 1],
    ],
    "countries": [
        ["DE", "region", "aws", 3, 0, 2100, 21000],
        ["DE", "region", "azure", 1, 0, 1, 10],
        ["FR", "region", "mistral", 1, 0, 40, 400],
        ["global", "global", "openai", 2, 2, 200, 2000],
        ["global", "global", "aws", 1, 1, 100, 1000],
        ["several", "group", "azure", 1, 0, 100, 1000],
        ["unknown", "unknown", None, 1, 0, 100, 1000],
    ],
    "coverage": [["edge", "2026-03-10", 10, 7, 70.0, 50, 4, 1, 2]],
    "destinations": [
        ["aws", "API", "region", "eu-1", "DE", 3, 2100, 21000, 23100],
        ["openai", "API", "global", None, "global", 2, 200, 2000, 2200],
        ["aws", "API", "global", None, "global", 1, 100, 1000, 1100],
        ["azure", "API", "group", "eu", "several", 1, 100, 1000, 1100],
        [None, None, "unknown", None, "unknown", 1, 100, 1000, 1100],
        ["mistral", "API", "region", "eu-1", "FR", 1, 40, 400, 440],
        ["azure", "API", "region", "eu-1", "DE", 1, 1, 10, 11],
    ],
    "dual-exposure": [["acme", "crm", "10.0.0.1", "aws", 3, 1, 100, "2026-03-10"]],
    "exceptions": [["E-1", "R2", "acme", "crm", "mistral", 1, 1, 40, "2026-03-11", "2026-03-11"]],
    "first-use": [
        ["o'neil", "azure", "2026-03-12", "2026-03-12", 0, 1, 1],
        [None, "azure", "2026-03-12", "2026-03-12", 0, 1, 1],
        ["acme", "mistral", "2026-03-11", "2026-03-11", 1, 1, 1],
        ["acme", "openai", "2026-03-10", "2026-03-11", 1, 1, 2],
        ["acme", "aws", "2025-12-20", "2026-03-10", 1, 1, 4],
    ],
    "indeterminate": [["acme", "ambiguous", "unknown", "indeterminate", None, 1, 1, 100]],
    "latency": [["aws", "eu-1", 3, 5.0, 3.0], ["azure", "eu", 1, 20.0, 20.0]],
    "new-clients": [
        ["o'neil", None, "10.9.0.1", "azure", "2026-03-12", 1, 100],
        [None, None, "10.9.0.9", "azure", "2026-03-12", 1, 1],
        ["acme", "crm", "10.0.0.3", "mistral", "2026-03-11", 1, 40],
        ["acme", "crm", "10.0.0.2", "openai", "2026-03-10", 2, 200],
    ],
    "outside-policy": [
        ["acme", "crm", "crm", "10.0.0.2", "openai", "API", "global", None, "global", "R1", 2, 200, 2000,
         "2026-03-10", "2026-03-11"],
        ["acme", "crm", "crm", "10.0.0.1", "aws", "API", "global", None, "global", "R1", 1, 100, 1000,
         "2026-03-10", "2026-03-10"],
    ],
    "uploads": [
        ["acme", "crm", "aws", "allow", 3, 1, 2100, 21000],
        ["acme", "crm", "openai", "violation", 2, 1, 200, 2000],
        ["acme", "crm", "aws", "violation", 1, 1, 100, 1000],
        ["acme", "crm", None, "indeterminate", 1, 1, 100, 1000],
        ["o'neil", None, "azure", "inventory", 1, 1, 100, 1000],
        ["acme", "crm", "mistral", "excepted", 1, 1, 40, 400],
        [None, None, "azure", "unassigned", 1, 1, 1, 10],
    ],
}  # fmt: skip
GIVEN: list[tuple[str, dict[str, str], int]] = [  # how many rows are left
    ("outside-policy", {"since": "2026-03-11"}, 1),
    ("outside-policy", {"until": "2026-03-10"}, 2),
    ("outside-policy", {"since": "2026-03-12"}, 0),
    ("outside-policy", {"provider": "aws"}, 1),
    ("uploads", {"tenant": "o'neil"}, 1),
    ("uploads", {"tenant": "' OR 1=1 --"}, 0),
    ("uploads", {"source_group": "crm", "until": "2026-03-10"}, 3),
    ("first-use", {"since": "2026-03-11"}, 3),
    ("first-use", {"until": "2026-03-10"}, 2),
    ("changed", {"until": "2025-12-31"}, 1),
    ("new-clients", {"since": "2025-12-01", "until": "2026-01-31"}, 1),
    ("coverage", {"sensor": "edge"}, 1),
    ("coverage", {"sensor": "edge'"}, 0),
    ("latency", {"provider": "aws"}, 1),
    ("busiest-hours", {"since": "2026-03-11", "until": "2026-03-11"}, 1),
]
HOSTILE = [
    "'; DROP TABLE decisions; --",
    "$tenant",
    "\\",
    "' || (SELECT 1) || '",
    "{tenant:String}",
    "\x00",
    "NULL",
]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def clickhouse(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    made = ClickHouse(archive, tmp_path_factory.mktemp("clickhouse"))
    yield made
    made.close()


def test_there_is_an_answer_to_every_question() -> None:
    assert QUESTIONS.keys() == ANSWERS.keys()
    assert len(QUESTIONS) >= 12


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_answered(archive: Path, clickhouse: ClickHouse, name: str) -> None:
    assert answer(archive, name) == ANSWERS[name]
    assert comparable(clickhouse.answer(QUESTIONS[name])) == comparable(ANSWERS[name])


@pytest.mark.parametrize(("name", "given", "left"), GIVEN, ids=str)
def test_what_is_given_counts(
    archive: Path, clickhouse: ClickHouse, name: str, given: dict[str, str], left: int
) -> None:
    found = answer(archive, name, **given)
    assert len(found) == left
    assert comparable(clickhouse.answer(QUESTIONS[name], **given)) == comparable(found)


@pytest.mark.parametrize("value", HOSTILE)
def test_what_is_given_is_never_sql(archive: Path, value: str) -> None:
    for name in ("tenant", "source_group", "provider"):
        assert answer(archive, "uploads", **{name: value}) == []
    assert answer(archive, "uploads") == ANSWERS["uploads"]


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_of_an_empty_archive(tmp_path: Path, name: str) -> None:
    archived(tmp_path / "archive")
    assert answer(tmp_path / "archive", name) == []


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_says_what_it_is(name: str) -> None:
    question = QUESTIONS[name]
    assert set(question.parameters) <= set(PARAMETERS)
    assert f"  {name:<14}  {question.title}\n" in run("query").stdout
    shown = run("query", name, "--print-sql", "clickhouse").stdout
    assert shown == f"{for_clickhouse(question.sql)}\n"
    assert "$" not in shown
    assert run("query", name, "--print-sql", "duckdb").stdout == f"{question.sql}\n"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "-- Title: x\n-- Parameters: since\n-- Columns: y\nSELECT $until",
        "-- Title: x\n-- Columns: y\nSELECT 1",
    ],
)
def test_a_file_that_is_no_question(text: str) -> None:
    with pytest.raises(ValueError, match="x: "):
        question_of("x", text)


def test_clickhouse_lets_rows_go_by_class(archive: Path, clickhouse: ClickHouse) -> None:
    """Its rows are from 2026-03: the tables are told that violations are kept longer than that is ago."""
    schema = SCHEMA.read_text("utf-8").replace("+ INTERVAL 366 DAY", "+ INTERVAL 36600 DAY")
    clickhouse.run("CREATE DATABASE kept")
    clickhouse.run("USE kept")
    try:
        for statement in filter(str.strip, schema.split(";")):
            clickhouse.run(statement)
        clickhouse.load(archive, "decisions")
        clickhouse.run("OPTIMIZE TABLE decisions FINAL")
        assert clickhouse.run("SELECT DISTINCT class FROM decisions") == [["violation"]]
    finally:
        clickhouse.run("USE residency")
