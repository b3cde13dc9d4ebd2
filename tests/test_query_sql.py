"""SQL over an archive: it reads the archive and nothing else, and what it prints no terminal obeys."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from monitor.archive import engine
from monitor.archive.store import Archive
from tests.archive_kit import archived, files, manifest, replayed, varied
from tests.ledger_kit import contents
from tests.query_kit import small
from tests.rejudge_kit import run


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small(tmp_path_factory.mktemp("small"))


def asked(archive: Path, sql: str, *words: str) -> tuple[int, str, str]:
    shown = run("query", "--archive", archive, "--sql", sql, *words)
    assert "Traceback" not in shown.output
    return shown.exit_code, shown.stdout, shown.stderr


REFUSED = [
    ("COPY (SELECT 1) TO '{archive}/decisions/x.csv'", "COPY is no question"),
    ("EXPLAIN ANALYZE COPY (SELECT 1) TO '{archive}/decisions/x.csv'", "EXPLAIN is no question"),
    ("WITH x AS (COPY (SELECT 1) TO '{archive}/decisions/x.csv') SELECT 1", "only SELECT is"),
    ("WITH x AS (INSERT INTO decisions VALUES (1)) SELECT 1", "not an table"),
    (
        "SELECT * FROM query('WITH x AS (COPY (SELECT 1) TO ''{archive}/decisions/x.csv'') SELECT 1')",
        "top level",
    ),
    (
        "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1')::VARCHAR)",
        "only SELECT is|constant|serialized",
    ),
    ("ATTACH '{archive}/x.db'", "ATTACH is no question"),
    ("SET enable_external_access = true", "SET is no question"),
    ("INSTALL httpfs", "LOAD is no question"),
    ("LOAD httpfs", "LOAD is no question"),
    ("CREATE TABLE x (a INT)", "CREATE is no question"),
    ("DROP VIEW decisions", "DROP is no question"),
    ("PRAGMA version", "PRAGMA is no question"),
    ("EXPORT DATABASE '{archive}/decisions'", "EXPORT is no question"),
    ("CALL enable_logging(storage='file', storage_path='{archive}/decisions')", "CALL is no question"),
    ("SELECT * FROM enable_logging(storage='file', storage_path='{archive}/decisions')", "locked"),
    ("SELECT 1; SELECT 2", "2 statements; ask one"),
    ("", "0 statements; ask one"),
    ("-- nothing", "0 statements; ask one"),
    ("SELECT * FROM read_text('/etc/passwd')", "disabled by configuration"),
    ("SELECT * FROM read_csv('/etc/passwd')", "disabled by configuration"),
    ("SELECT * FROM '/etc/passwd'", "disabled by configuration|does not exist"),
    ("SELECT * FROM read_text('{archive}/archive.json')", "disabled by configuration"),
    ("SELECT * FROM read_text('{archive}/decisions/../archive.json')", "disabled by configuration"),
    ("SELECT * FROM glob('/etc/*')", "disabled by configuration"),
    ("SELECT * FROM sniff_csv('/etc/passwd')", "disabled by configuration"),
    ("SELECT * FROM read_parquet('http://127.0.0.1:1/x')", "disabled|not found|Missing"),
    ("SELECT getenv('HOME')", "getenv"),
    ("SELECT nothing FROM decisions", "nothing"),
    ("SELECT", "selection list"),
    ("SELECT $client", "$client is no parameter; they are $since, $until, $tenant"),
    ("SELECT error('a' || chr(10) || chr(27) || 'b')", "a"),
]


@pytest.mark.parametrize(("sql", "says"), REFUSED)
def test_what_is_not_answered_is_one_line(archive: Path, sql: str, says: str) -> None:
    before = contents(archive)
    status, out, error = asked(archive, sql.format(archive=archive))
    assert (status, out) == (2, "")
    assert error.startswith("residency: --sql: ")
    assert error.count("\n") == 1
    assert error[:-1].isprintable()
    assert any(each in error for each in says.split("|")), error
    assert contents(archive) == before


def test_a_parameter_of_sql(archive: Path) -> None:
    sql = "SELECT client FROM decisions WHERE tenant = $tenant AND day >= $since ORDER BY client"
    status, out, _ = asked(archive, sql, "--tenant", "o'neil", "--since", "2026-03-01", "--format", "csv")
    assert (status, out) == (0, "client\n10.9.0.1\n")
    assert "does not ask for --provider" in asked(archive, sql, "--provider", "aws")[2]


def test_days_in_the_wrong_order_are_an_error(archive: Path) -> None:
    status, _, error = asked(archive, "SELECT 1", "--since", "2026-03-02", "--until", "2026-03-01")
    assert (status, error.splitlines()[-1]) == (2, "Error: --until 2026-03-01 is before --since 2026-03-02")


HOSTILE = "chr(27) || '[31m' || chr(10) || chr(8238) || 'x'"


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_no_character_reaches_a_terminal_that_it_obeys(archive: Path, form: str) -> None:
    sql = f"""SELECT {HOSTILE} AS "a{chr(27)}b", [{HOSTILE}] AS listed, {{'k': {HOSTILE}}} AS held"""
    status, out, _ = asked(archive, sql, "--format", form)
    assert status == 0
    assert all(line.isprintable() for line in out.split("\n"))
    if form == "json":
        (row,) = map(json.loads, out.splitlines())
        assert row["listed"] == ["\x1b[31m\n\u202ex"]


def test_csv_has_no_formulas_and_json_no_rounded_numbers(archive: Path) -> None:
    sql = (
        "SELECT '=1+1' AS a, -5 AS b, -0.5::DOUBLE AS c, NULL AS d, 'x,\"y' AS e, "
        "170141183460469231731687303715884105727::HUGEINT AS f"
    )
    _, out, _ = asked(archive, sql, "--format", "csv")
    assert list(csv.reader(out.splitlines()))[1][:5] == ["'=1+1", "-5", "-0.5", "", 'x,"y']
    _, out, _ = asked(archive, sql, "--format", "json")
    row = json.loads(out)
    assert (row["b"], row["d"], row["f"]) == (-5, None, "170141183460469231731687303715884105727")


def test_kinds_of_values(archive: Path) -> None:
    sql = (
        "SELECT TIMESTAMP '2026-03-10 01:02:03.5' AS a, DATE '2026-03-10' AS b, true AS c, "
        "1.5::DECIMAL(4,2) AS d, '\\x01'::BLOB AS e, INTERVAL 1 DAY AS f, uuid() IS NULL AS g, "
        "'nan'::DOUBLE AS h, TIME '01:02:03' AS i"
    )
    status, out, error = asked(archive, sql, "--format", "json")
    assert status == 0, error
    row = json.loads(out)
    assert (row["a"], row["b"], row["c"], row["d"]) == (
        "2026-03-10 01:02:03.500000",
        "2026-03-10",
        True,
        "1.50",
    )
    assert asked(archive, sql)[0] == asked(archive, sql, "--format", "csv")[0] == 0


def test_a_limit_is_said(archive: Path) -> None:
    status, out, error = asked(archive, "SELECT * FROM range(50)", "--limit", "3", "--format", "csv")
    assert (status, out) == (0, "range\n0\n1\n2\n")
    assert error == "residency: only the first 3 rows; --limit N prints more\n"
    assert asked(archive, "SELECT * FROM range(3)", "--limit", "3")[2] == ""


def test_a_table_has_its_numbers_to_the_right(archive: Path) -> None:
    _, out, _ = asked(archive, "SELECT 'ab' AS name, 7 AS connections UNION ALL SELECT 'c', 1234 ORDER BY 1")
    assert out == "name  connections\nab              7\nc            1234\n"


def test_memory_has_a_bound(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MEMORY_BYTES", 20_000_000)
    status, _, error = asked(archive, "SELECT list(i) FROM range(20000000) t(i)")
    assert (status, error.count("\n")) == (2, 1)
    assert "needs more memory than 20,000,000 bytes" in error


@pytest.mark.parametrize("harm", ["short", "long", "zeros", "gone", "text"])
def test_a_part_that_is_damaged_is_one_line(tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "archive"
    archived(folder, replayed(tmp_path / "out", [varied(number) for number in range(200)]))
    (name,) = files(folder)
    data = (folder / name).read_bytes()
    harmed = {
        "short": data[:-9], "long": data + b"x", "zeros": data[:4] + bytes(len(data) - 4), "gone": b"",
        "text": data[: len(data) // 3] + b"A" * (len(data) // 3) + data[len(data) // 3 * 2 :],
    }[harm]  # fmt: skip
    (folder / name).write_bytes(harmed)
    if harm == "gone":
        (folder / name).unlink()
    for words in (("outside-policy",), ("--sql", "SELECT * FROM decisions")):
        shown = run("query", *words, "--archive", folder)
        assert "Traceback" not in shown.output
        assert (shown.exit_code, shown.stderr.count("\n")) == (3, 1), shown.output
        assert str(folder) in shown.stderr


@pytest.mark.parametrize(
    "text",
    ["", "{}x", '{"format":2}', '{"parts":[{"place":{"table":"decisions"}}]}', "\ud800", "[" * 100_000],
)
def test_a_manifest_that_is_damaged_is_one_line(tmp_path: Path, text: str) -> None:
    archived(tmp_path, replayed(tmp_path.with_name(f"{tmp_path.name}-out"), [varied(1)]))
    (tmp_path / "archive.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    for words in (("query", "uploads"), ("archive", tmp_path.with_name(f"{tmp_path.name}-out"))):
        shown = run(*words, "--archive", tmp_path)
        assert (shown.exit_code, shown.stderr.count("\n")) == (3 if words[0] == "query" else 2, 1)
        assert "archive.json: damaged" in shown.stderr


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("payload_class", "../../etc"),
        ("period", "../../etc"),
        ("period", "2026-13"),
        ("name", "../../etc"),
        ("first_day", "2026-02-30"),
        ("tenant", ""),
    ],
)
def test_a_manifest_names_no_other_file(tmp_path: Path, field: str, value: str) -> None:
    folder = tmp_path / "archive"
    archived(folder, replayed(tmp_path / "out", [varied(1)]))
    found = json.loads((folder / "archive.json").read_bytes())
    part = found["parts"][0]
    (part if field in part else part["place"])[field] = value
    (folder / "archive.json").write_text(json.dumps(found))
    shown = run("query", "uploads", "--archive", folder)
    assert (shown.exit_code, shown.stderr.count("\n")) == (3, 1)
    assert "archive.json: damaged" in shown.stderr


def test_what_is_no_archive(tmp_path: Path) -> None:
    shown = run("query", "uploads", "--archive", tmp_path)
    assert shown.exit_code == 3
    assert "no archive" in shown.stderr
    assert run("query", "uploads").exit_code == 2
    assert run("query", "nothing", "--archive", tmp_path).exit_code == 2
    assert run("query", "uploads", "--sql", "SELECT 1", "--archive", tmp_path).exit_code == 2


def test_an_odd_path_is_no_sql(tmp_path: Path) -> None:
    folder = tmp_path / "it's; $$ [odd]*"
    archived(folder, replayed(tmp_path / "out", [varied(1)]))
    assert asked(folder, "SELECT count(*) AS n FROM decisions", "--format", "csv")[:2] == (0, "n\n1\n")


def test_an_archive_that_nobody_may_write_to_is_read(tmp_path: Path) -> None:
    archived(tmp_path / "archive", replayed(tmp_path / "out", [varied(1)]))
    (tmp_path / "archive/.readers").unlink()
    assert asked(tmp_path / "archive", "SELECT 1 AS n FROM decisions", "--format", "csv")[1] == "n\n1\n"
    with Archive(tmp_path / "archive"):
        assert len(manifest(tmp_path / "archive").parts) == 1


def test_ctrl_c_ends_a_query(archive: Path) -> None:
    sql = (
        "SELECT sum(a.range * b.range) FROM range(9999999) a, range(99999) b WHERE a.range % 7 <> b.range % 3"
    )
    command = [sys.executable, "-m", "monitor", "query", "--archive", str(archive), "--sql", sql]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as query:
        time.sleep(4)
        assert query.poll() is None
        started = time.monotonic()
        os.kill(query.pid, signal.SIGINT)
        out, error = query.communicate(timeout=20)
    assert time.monotonic() - started < 10
    assert (query.returncode, out, error) == (130, "", "residency: interrupted\n")
