"""What is archived is what was recorded: each decision a row, exactly, in its partition, once."""

import hashlib
import json
from pathlib import Path
from urllib.parse import unquote

import msgspec
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from monitor.archive.layout import place_of
from monitor.archive.store import Archive
from monitor.exports import DECISIONS
from monitor.files import InputError
from monitor.ledger.reader import open_ledger
from monitor.ledger.types import payload_hash
from monitor.types import Decision
from tests.archive_kit import archived, column_names, files, manifest, replayed, rows, varied, wanted_row
from tests.ledger_kit import DAY_NS, NOW_NS, contents, ledger_of
from tests.rejudge_kit import DEMO, POLICY, decisions, run

CAPTURE = DEMO.with_name("traffic.pcap")
DAY = "2026-03-10"


def test_the_rows_of_a_replay_are_its_lines(tmp_path: Path) -> None:
    said = archived(tmp_path / "archive", DEMO.parent)
    source = f"replay {hashlib.sha256(DEMO.read_bytes()).hexdigest()}"
    found = rows(tmp_path / "archive")
    assert found == [wanted_row(each, source, at, DAY) for at, each in enumerate(decisions())]
    assert list(found[0]) == column_names("decisions")
    assert said.rows == len(found) == 32


def test_the_rows_of_a_ledger_are_its_decisions(tmp_path: Path) -> None:
    ledger = ledger_of(CAPTURE, POLICY, tmp_path)
    before = contents(ledger)
    archived(tmp_path / "archive", ledger)
    wanted = []
    for folder in sorted(ledger.iterdir()):
        if not folder.is_dir():
            continue
        reader = open_ledger(folder)
        for entry in reader.entries():
            if entry.leaf.kind == "decision" and entry.payload is not None and entry.salt is not None:
                assert payload_hash(entry.salt, entry.payload) == entry.leaf.payload
                said = json.loads(entry.payload)
                decision = _decision(said["decision"])
                about = {"finding": said["finding"], "sensor": "edge"}
                wanted.append(
                    wanted_row(
                        decision, "ledger " + "+".join(reader.vkey.split("+")[:2]), entry.index, DAY, **about
                    )
                )
    assert rows(tmp_path / "archive") == wanted
    assert len(wanted) == 32
    assert contents(ledger) == before


def _decision(said: object) -> Decision:
    return msgspec.convert(said, Decision)


def test_twice_is_once(tmp_path: Path) -> None:
    ledger = ledger_of(CAPTURE, POLICY, tmp_path)
    folder = tmp_path / "archive"
    first = archived(folder, ledger, DEMO.parent)
    before = contents(folder)
    again = archived(folder, ledger, DEMO.parent)
    assert (first.rows, again.rows, again.known) == (64, 0, 1)
    assert contents(folder) == before


def test_partitions_are_by_tenant_class_and_day(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    archived(folder, replayed(tmp_path / "out", [varied(1), varied(2, days=1), varied(3, outcome=None)]))
    found = {path.rpartition("/")[0] for path in files(folder)}
    assert found == {
        "decisions/tenant=acme/class=violation/day=2026-03-10",
        "decisions/tenant=acme/class=violation/day=2026-03-11",
        "decisions/tenant=acme/class=inventory/day=2026-03-10",
    }
    for part in manifest(folder).parts:
        data = (folder / part.path).read_bytes()
        assert (part.name, part.bytes, part.rows) == (hashlib.sha256(data).hexdigest(), len(data), 1)
        assert pq.ParquetFile(folder / part.path).metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_day_is_that_of_the_latest_packet(tmp_path: Path) -> None:
    decision = varied(1)
    totals = replace(decision.connection.totals, duration_ns=2 * DAY_NS)
    long = replace(decision, connection=replace(decision.connection, totals=totals))
    archived(tmp_path / "archive", replayed(tmp_path / "out", [long]))
    (row,) = rows(tmp_path / "archive")
    assert str(row["day"]) == "2026-03-12"


@pytest.mark.parametrize(
    "tenant",
    ["a/b", "..", ".", "a=b", "=", "_unassigned", "class=allow", "a\nb", "%2e", "ü", "*", "'", '"; --'],
)
def test_no_name_leads_out_of_its_partition(tmp_path: Path, tenant: str) -> None:
    folder = tmp_path / "archive"
    archived(folder, replayed(tmp_path / "out", [varied(1, tenant=tenant), varied(2, tenant=None)]))
    assert [row["tenant"] for row in rows(folder)] == [tenant, None]
    names = {path.split("/")[1] for path in files(folder)}
    assert len(names) == 2
    assert "tenant=_unassigned" in names
    (name,) = names - {"tenant=_unassigned"}
    assert unquote(name.removeprefix("tenant=")) == tenant
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEF0123456789%-._=")
    assert {path.name for path in tmp_path.iterdir()} == {"archive", "out"}
    shown = run("query", "--archive", folder, "--sql", "SELECT tenant FROM decisions", "--format", "json")
    assert [json.loads(line)["tenant"] for line in shown.stdout.splitlines()] == [tenant, None] or [
        json.loads(line)["tenant"] for line in shown.stdout.splitlines()
    ] == [None, tenant]


def test_a_tenant_whose_name_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no name of a folder"):
        place_of("decisions", "x" * 241, "allow", DAY)
    said = archived(
        tmp_path / "archive", replayed(tmp_path / "out", [varied(1, tenant="x" * 300), varied(2)])
    )
    assert (said.rows, said.input.problems) == (1, {"malformed": 1})


@pytest.mark.parametrize("changed", [{"client_port": 2**31}, {"vlan": -(2**40)}])
def test_numbers_that_no_column_holds_are_counted(tmp_path: Path, changed: dict[str, int]) -> None:
    odd = varied(1)
    flow = replace(odd.connection.flow, **changed)
    odd = replace(odd, connection=replace(odd.connection, flow=flow))
    late = replace(varied(2), ts_ns=2**70)
    said = archived(tmp_path / "archive", replayed(tmp_path / "out", [odd, late, varied(3)]))
    assert (said.rows, said.input.problems) == (1, {"malformed": 2})


def test_lines_that_are_no_decisions_are_counted(tmp_path: Path) -> None:
    out = replayed(tmp_path / "out", [varied(1)])
    with (out / DECISIONS).open("ab") as file:
        file.write(b"{}\nnothing\n")
    shown = run("archive", out, "--archive", tmp_path / "archive")
    assert shown.exit_code == 4
    assert "2 records not archived: malformed" in shown.stdout
    assert len(rows(tmp_path / "archive")) == 1


def test_coverage_of_a_replay_is_by_group(tmp_path: Path) -> None:
    assert run("replay", CAPTURE, "--policy", POLICY, "--out", tmp_path / "out").exit_code == 1
    archived(tmp_path / "archive", tmp_path / "out")
    summary = json.loads((tmp_path / "out/summary.json").read_bytes())
    found = rows(tmp_path / "archive", "coverage")
    assert {(row["tenant"], row["source_group"], row["connections"], row["sni"]) for row in found} == {
        (each["tenant"], each["source_group"], each["connections"]["flows"], each["coverage"]["sni"]["flows"])
        for each in summary["coverage_by_group"]
    }
    assert {row["since"] for row in found} == {summary["accounting"]["first_ns"]}
    assert {row["whole"] for row in found} == {False}
    assert list(found[0]) == column_names("coverage")


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters/one").write_text("x")
    shown = run("archive", DEMO.parent, "--archive", tmp_path / "letters")
    assert (shown.exit_code, shown.stderr.count("\n")) == (2, 1)
    assert "not empty, and no archive" in shown.stderr
    assert [path.name for path in (tmp_path / "letters").iterdir() if path.name == "one"] == ["one"]


def test_a_second_writer_is_kept_out(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive"), pytest.raises(InputError, match="archives into it"):
        Archive(tmp_path / "archive")


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        ((), 2, "name what to archive"),
        (("{tmp}/nothing",), 3, "no such file"),
        (("{demo}", "--keep", "all=3"), 2, "'all' is no class"),
        (("{demo}", "--keep", "allow=0"), 2, "write a number of days"),
        (("{demo}", "--keep", "allow"), 2, "write a number of days"),
        (("--config", "{tmp}/none.yaml"), 2, "none.yaml"),
    ],
)
def test_what_it_says_of_what_is_wrong(
    tmp_path: Path, words: tuple[str, ...], status: int, says: str
) -> None:
    given = [word.format(tmp=tmp_path, demo=DEMO.parent) for word in words]
    shown = run("archive", *given, "--archive", tmp_path / "archive")
    assert shown.exit_code == status, shown.output
    assert says in shown.stderr
    assert "Traceback" not in shown.output


def test_now_is_the_commands(tmp_path: Path) -> None:
    """What a replay left is archived whenever that is."""
    out = replayed(tmp_path / "out", [varied(1)])
    archived(tmp_path / "one", out, now_ns=NOW_NS)
    archived(tmp_path / "other", out, now_ns=NOW_NS + 400 * DAY_NS)
    assert contents(tmp_path / "one/decisions") == contents(tmp_path / "other/decisions")
