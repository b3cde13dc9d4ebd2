"""The tables of a report, and their three forms: the same cells in each, typed, and carried out by nobody."""

import csv
import datetime as dt
import hashlib
import io
import re
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from monitor.report.document import facts_json, facts_sha256
from monitor.report.files import xlsx
from monitor.report.files.cells import FORMULA as BEGINNINGS
from monitor.report.files.cells import MAX_CELL, at, cell_text, exact, guarded, written
from monitor.report.files.csv_files import write_csv
from monitor.report.files.parquet import write_parquet
from monitor.report.files.table import Cell, Head, Table
from monitor.report.files.tables import tables
from monitor.report.files.xlsx import write_xlsx
from monitor.report.types import Facts, Period
from tests.report_facts_kit import FORMULA, LATE_NS, QUOTE, T_NS, hostile_facts
from tests.report_kit import demo_facts

NAMES = [
    "about", "coverage", "groups", "sensors", "destinations", "findings", "references", "steps", "timeline",
    "exceptions", "behaviours", "inputs", "versions",
]  # fmt: skip
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def named(facts: Facts) -> dict[str, Table]:
    """Return the tables by name."""
    return {table.name: table for table in tables(facts)}


def rows_of(table: Table) -> list[dict[str, Cell]]:
    """Return rows by column."""
    return [dict(zip((head.name for head in table.heads), row, strict=True)) for row in table.rows]


def test_every_table_is_there_and_its_names_are_told_apart() -> None:
    found = tables(demo_facts())
    assert [table.name for table in found] == NAMES
    for table in found:
        names = [head.name for head in table.heads]
        assert len(set(names)) == len(names)
        assert all(len(row) == len(names) for row in table.rows)
        assert table.says.endswith(".")


def test_the_demo_adds_up() -> None:
    facts = demo_facts()
    found = {name: rows_of(table) for name, table in named(facts).items()}
    assert sum(row["connections"] for row in found["destinations"]) == facts.related.flows == 32  # type: ignore[misc]
    classes = [row for row in found["coverage"] if row["part"] is None and row["class"] != "all"]
    assert sum(row["connections"] for row in classes) == facts.seen.connections.flows == 49  # type: ignore[misc]
    assert sum(row["violation"] for row in found["timeline"]) == 8  # type: ignore[misc]
    assert len(found["findings"]) == len(facts.findings) > 3
    assert found["steps"] == []  # a file of findings has none
    worst = found["destinations"][0]
    assert (worst["outcome"], worst["tenant"]) == ("violation", "acme")


def test_about_leads_with_coverage_and_ends_with_limits() -> None:
    facts = hostile_facts()
    rows = [(row["item"], row["value"]) for row in rows_of(named(facts)["about"])]
    assert ("coverage", facts.seen.says) in rows
    assert ("caution", "Coverage is of whole captures.") in rows
    assert ("complete", "no: 3 records could not be used") in rows
    assert ("left out", "4 destinations") in rows
    assert [value for item, value in rows if item == "limit"] == list(facts.limits)
    assert rows[-1] == ("SHA-256 of the facts (report.json)", hashlib.sha256(facts_json(facts)).hexdigest())


@pytest.mark.parametrize(
    ("period", "words"),
    [
        (Period(), "from the beginning to the end of what was read"),
        (Period(0, None), "from 1970-01-01 00:00:00 UTC to the end of what was read"),
        (Period(0, T_NS), "from 1970-01-01 00:00:00 UTC to before 2026-03-10 09:00:04 UTC"),
    ],
)
def test_the_period_in_words(period: Period, words: str) -> None:
    rows = rows_of(named(replace(demo_facts(), period=period))["about"])
    assert [row["value"] for row in rows if row["item"] == "period"] == [words]


def test_few_clients_are_not_counted_out() -> None:
    (few, some, *_) = rows_of(named(hostile_facts())["destinations"])
    assert (few["clients"], few["clients_note"]) == (None, "fewer than 5")
    assert (some["clients"], some["clients_note"]) == (7, None)


def test_a_withheld_client_is_no_cell() -> None:
    (row,) = rows_of(named(hostile_facts())["references"])[:1]
    assert (row["client"], row["client_port"], row["server_port"]) == (None, None, 443)
    assert (row["first_packet"], row["first_packet_ns"]) == (T_NS, str(T_NS))


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_what_begins_like_a_formula_is_guarded(beginning: str) -> None:
    assert guarded(f"{beginning}1") == f"'{beginning}1"
    assert guarded(f" {beginning}") == f" {beginning}"


@given(st.text() | st.text(alphabet='\x00\x1b=\t\r\n\udc80\u202e,"'))
def test_any_text_is_written_visibly(text: str) -> None:
    shown = written(text)
    assert shown.isprintable()
    assert len(shown) <= MAX_CELL
    shown.encode()


@given(st.integers(-(1 << 64), 1 << 64))
def test_any_time_is_written_exactly(ts_ns: int) -> None:
    text = exact(ts_ns)
    assert text == f"{ts_ns} ns" or re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", text)
    assert at(ts_ns) is None or ts_ns % 1_000_000_000 == int(text[-10:-1])


def test_cells_as_text() -> None:
    assert exact(T_NS) == "2026-03-10T09:00:04.123456789Z"
    assert cell_text(("a", "b\n"), "list") == "a; b\\n"
    assert [cell_text(each, "flag") for each in (True, False, None)] == ["true", "false", ""]
    assert len(cell_text("x" * 100_000, "text")) == MAX_CELL


def written_csv(facts: Facts, folder: Path) -> dict[str, bytes]:
    for table in tables(facts):
        write_csv(table, folder / f"{table.name}.csv")
    return {path.stem: path.read_bytes() for path in folder.glob("*.csv")}


def test_csv_is_read_back(tmp_path: Path) -> None:
    facts = hostile_facts()
    files = written_csv(facts, tmp_path)
    assert sorted(files) == sorted(NAMES)
    for table in tables(facts):
        head, *rows = csv.reader(io.StringIO(files[table.name].decode(), newline=""))
        assert head == [each.name for each in table.heads]
        assert len(rows) == len(table.rows)
        for row, cells in zip(rows, table.rows, strict=True):
            for text, cell, each in zip(row, cells, table.heads, strict=True):
                assert text.removeprefix("'") == cell_text(cell, each.kind)
                assert each.kind == "count" or not text.startswith(BEGINNINGS)


def test_a_formula_of_the_network_is_text_in_csv(tmp_path: Path) -> None:
    files = written_csv(hostile_facts(), tmp_path)
    said = pd.read_csv(io.BytesIO(files["destinations"]))
    assert said["name"][0] == f"'{FORMULA}"
    assert said["last_packet"][0] == "2262-04-11T23:47:16.854775813Z"
    assert said["first_packet"][0] == "1969-12-31T23:59:59.999999999Z"
    steps = pd.read_csv(io.BytesIO(files["steps"]))
    assert steps["why"][0] == 'a "quoted", text\\r\\nover two lines'
    assert QUOTE.encode() not in files["steps"]


def test_parquet_is_typed_and_carries_its_versions(tmp_path: Path) -> None:
    facts = hostile_facts()
    for table in tables(facts):
        write_parquet(table, tmp_path / f"{table.name}.parquet", {"residency.tool": "1"})
        read = pq.read_table(tmp_path / f"{table.name}.parquet")
        assert read.column_names == [head.name for head in table.heads]
        assert read.num_rows == len(table.rows)
    kept = pq.read_table(tmp_path / "destinations.parquet")
    assert str(kept.schema.field("first_packet").type) == "timestamp[ns, tz=UTC]"
    assert str(kept.schema.field("bytes_up").type) == "int64"
    assert str(kept.schema.field("countries").type) == "list<element: string>"
    assert kept.schema.metadata[b"residency.tool"] == b"1"
    assert kept.schema.metadata[b"residency.table"].startswith(b"LLM-related connections")
    first, second = kept.slice(0, 2).to_pylist()
    assert first["name"] == FORMULA
    assert first["last_packet"] is None  # it is LATE_NS, beyond 64 bits
    assert at(LATE_NS) is not None
    assert second["name"] == "\x00 nothing"
    assert pd.read_parquet(tmp_path / "references.parquet")["first_packet"][0].value == T_NS
    used = pq.ParquetFile(tmp_path / "destinations.parquet").metadata.row_group(0).column(0).compression
    assert used == "ZSTD"


def sheets(path: Path) -> dict[str, ET.Element]:
    """Return the sheets of a workbook by name, and what else is in it under its own name."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".xml")]
        parts = {name: ET.fromstring(archive.read(name)) for name in names}  # noqa: S314  our own file
    titles = [each.attrib["name"] for each in parts["xl/workbook.xml"].iter(f"{SHEET}sheet")]
    return parts | {
        title: parts[f"xl/worksheets/sheet{number}.xml"] for number, title in enumerate(titles, 1)
    }


def cells(sheet: ET.Element) -> dict[str, tuple[str, str]]:
    """Return the kind and text of each cell by its place."""
    found = {}
    for cell in sheet.iter(f"{SHEET}c"):
        text = "".join(each.text or "" for each in cell.iter() if each.tag in {f"{SHEET}t", f"{SHEET}v"})
        found[cell.attrib["r"]] = (cell.attrib.get("t", "n"), text)
    return found


def test_xlsx_holds_text_as_text(tmp_path: Path) -> None:
    facts = hostile_facts()
    write_xlsx(facts, tables(facts), tmp_path / "r.xlsx")
    book = sheets(tmp_path / "r.xlsx")
    assert [name for name in book if name.lower() in NAMES] == [name.capitalize() for name in NAMES]
    for name in NAMES:
        sheet = book[name.capitalize()]
        assert not list(sheet.iter(f"{SHEET}f"))  # a formula
        assert not list(sheet.iter(f"{SHEET}hyperlink"))
        assert list(sheet.iter(f"{SHEET}autoFilter"))
        (pane,) = sheet.iter(f"{SHEET}pane")
        assert (pane.attrib["ySplit"], pane.attrib["state"]) == ("1", "frozen")
    found = cells(book["Destinations"])
    heads = [head.name for head in named(facts)["destinations"].heads]
    assert found[f"{letter(heads.index('name'))}2"] == ("inlineStr", FORMULA)
    assert found[f"{letter(heads.index('first_packet'))}2"][0] == "n"
    assert found["A1"] == ("inlineStr", "outcome")
    assert cells(book["About"])["B2"] == ("inlineStr", "@SUM(A1)")
    styles = book["xl/styles.xml"]
    assert [each for each in styles.iter(f"{SHEET}xf") if each.attrib.get("quotePrefix") == "1"]


def letter(column: int) -> str:
    """Return a column's letters."""
    return letter(column // 26 - 1) + chr(65 + column % 26) if column >= 26 else chr(65 + column)


def test_xlsx_has_dates_of_the_packets(tmp_path: Path) -> None:
    facts = demo_facts()
    write_xlsx(facts, tables(facts), tmp_path / "r.xlsx")
    with zipfile.ZipFile(tmp_path / "r.xlsx") as archive:
        core = archive.read("docProps/core.xml").decode()
        assert {each.date_time[0] for each in archive.infolist()} == {1980}
    last = at(facts.seen_period.until_ns or 0)
    assert last is not None
    assert core.count(f"{last:%Y-%m-%dT%H:%M:%S}Z</dcterms:") == 2
    times = cells(sheets(tmp_path / "r.xlsx")["Timeline"])
    days = dt.timedelta(days=float(times["A2"][1]))
    assert dt.datetime(1899, 12, 30, tzinfo=dt.UTC) + days == pytest.approx(
        at(facts.timeline.buckets[0].start_ns), abs=dt.timedelta(milliseconds=1)
    )


def test_xlsx_without_a_packet_has_a_date_all_the_same(tmp_path: Path) -> None:
    facts = replace(demo_facts(), seen_period=Period())
    write_xlsx(facts, tables(facts), tmp_path / "r.xlsx")
    with zipfile.ZipFile(tmp_path / "r.xlsx") as archive:
        assert archive.read("docProps/core.xml").count(b"1980-01-01T00:00:00Z") == 2


def test_a_sheet_ends_where_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "MAX_ROWS", 3)
    table = Table("many", "Many.", (Head("n", "count"),), tuple((n,) for n in (*range(9), 1 << 60)))
    write_xlsx(demo_facts(), [table], tmp_path / "r.xlsx")
    assert sorted(cells(sheets(tmp_path / "r.xlsx")["Many"])) == ["A1", "A2", "A3", "A4"]


@pytest.mark.parametrize("number", [(1 << 53) + 1, -(1 << 60)])
def test_a_number_that_excel_would_round_is_text(number: int, tmp_path: Path) -> None:
    write_xlsx(demo_facts(), [Table("big", "Big.", (Head("n", "count"),), ((number,),))], tmp_path / "r.xlsx")
    assert cells(sheets(tmp_path / "r.xlsx")["Big"])["A2"] == ("inlineStr", str(number))


def test_the_same_facts_give_the_same_bytes(tmp_path: Path) -> None:
    def all_files(folder: Path) -> dict[str, bytes]:
        folder.mkdir()
        facts = hostile_facts()
        for table in tables(facts):
            write_csv(table, folder / f"{table.name}.csv")
            write_parquet(table, folder / f"{table.name}.parquet", {"a": "b"})
        write_xlsx(facts, tables(facts), folder / "r.xlsx")
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    first: dict[str, Any] = all_files(tmp_path / "one")
    assert first == all_files(tmp_path / "two")
    assert len(first) == 2 * len(NAMES) + 1


def test_the_hash_is_that_of_the_document() -> None:
    facts = demo_facts()
    assert facts_sha256(facts) == hashlib.sha256(facts_json(facts)).hexdigest()
    assert facts_sha256(replace(facts, title="another")) != facts_sha256(facts)
