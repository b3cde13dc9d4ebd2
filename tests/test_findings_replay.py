"""Findings through the command line: files, summary and text; and the same bytes whoever reads."""

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from click import unstyle
from click.testing import CliRunner, Result
from msgspec.structs import replace

from monitor import app, console_findings, replaying
from monitor.app import Knowledge
from monitor.cli import group
from monitor.exports import FINDINGS, SUMMARY, finding_lines
from monitor.findings import Book
from monitor.findings.types import Finding
from monitor.pipeline import Pipeline
from monitor.replaying import Reading
from monitor.summary import Summary
from pcaps import golden
from sensors import native
from sensors.engine import Options, open_sensor
from tests.findings_kit import DAY, decide, the
from tests.findings_kit import policy as small_policy
from tests.observed import at

CASES = golden.cases()
DEMO, DUAL = golden.PCAPS / "demo", golden.PCAPS / "dual-exposure"
needs_native = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)


@cache
def knowledge(case: Path) -> Knowledge:
    """Return what a case is judged by, with its own entries, GeoIP and behaviours."""
    own, geoips = (
        [path for path in [case / name] if path.exists()] for name in ("catalog.yaml", "geoip.mmdb")
    )
    if not golden.has_behaviours(case):
        return app.load_knowledge(golden.POLICY, own, geoips) if own or geoips else example()
    with TemporaryDirectory() as folder:
        return app.load_knowledge(golden.policy_with_behaviours(case, Path(folder)), own, geoips)


@cache
def example() -> Knowledge:
    return app.load_knowledge(golden.POLICY)


def found(case: Path, engine: str, threads: int = 1) -> bytes:
    return finding_lines(
        replaying.replay([golden.traffic(case)], knowledge(case), Reading(engine, threads)).findings
    )


@needs_native
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_same_bytes_by_every_engine(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = found(case, "dpkt")
    assert found(case, "native") == wanted
    assert found(case, "native", 3) == wanted
    monkeypatch.setattr(Pipeline, "interest", lambda _: None)
    assert found(case, "native") == wanted


@needs_native
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_live_finds_the_same_with_verdicts_ahead_of_the_end(case: Path) -> None:
    known = knowledge(case)
    pipeline = Pipeline(known.catalog, known.policy, known.aids())
    options = Options(eager=True, interest=pipeline.interest())
    book = Book(known.policy)
    for batch in open_sensor([golden.traffic(case)], "native", options):
        for decision in pipeline.feed(batch):
            book.offer(decision)
    wanted = [
        each
        for each in replaying.replay([golden.traffic(case)], known, Reading("native")).findings
        if each.kind in {"violation", "indeterminate"}
    ]
    live = [replace(each, revision=1) for each in book.findings()]
    told = [replace(each, reminders=untold(each)) for each in wanted]
    assert live == told


def untold(finding: Finding) -> tuple[object, ...]:
    return tuple(replace(each, told=False) for each in finding.reminders)


def test_the_captures_hold_findings_of_many_kinds() -> None:
    findings = [
        msgspec.json.decode(line, type=Finding) for case in CASES for line in found(case, "auto").splitlines()
    ]
    assert {finding.kind for finding in findings} >= {
        "violation", "indeterminate", "dual-exposure", "gateway-bypass", "relay-suspected", "unusual-upload",
    }  # fmt: skip
    assert len({finding.id for finding in findings}) > 15


def replay(*arguments: object, columns: int = 80) -> Result:
    runner = CliRunner(env={"COLUMNS": str(columns)})
    return runner.invoke(group, ["replay", *map(str, arguments)])


def test_the_files_and_the_summary_say_the_same(tmp_path: Path) -> None:
    traffic = golden.traffic(DUAL)
    policy = golden.policy_with_behaviours(DUAL, tmp_path)
    result = replay(traffic, "--policy", policy, "--out", tmp_path / "out", "--json")
    assert result.exit_code == 1
    lines = (tmp_path / "out" / FINDINGS).read_bytes().splitlines()
    findings = [msgspec.json.decode(line, type=Finding) for line in lines]
    summary = msgspec.json.decode(result.stdout, type=Summary)
    assert (tmp_path / "out" / SUMMARY).read_text() == result.stdout
    assert summary.findings
    assert summary.findings.count == len(findings) == 6
    assert summary.findings.states["open"] == {
        severity: sum(each.severity == severity for each in findings)
        for severity in ("critical", "high", "medium", "low")
    }
    assert {each.id for each in summary.findings.deadlines} == {each.id for each in findings}
    assert summary.outcomes is not None
    counted = sum(each.count for each in findings if each.kind in {"violation", "indeterminate"})
    assert counted == summary.outcomes["violation"].flows + summary.outcomes["indeterminate"].flows
    assert {each.id for each in findings if each.kind == each.rule} == {
        each.id for each in summary.behaviours or ()
    }
    assert {each.revision for each in findings} == {1}


def test_worst_first(tmp_path: Path) -> None:
    replay(golden.traffic(DEMO), "--policy", golden.POLICY, "--out", tmp_path)
    findings = [json.loads(line) for line in (tmp_path / FINDINGS).read_bytes().splitlines()]
    ranks = [
        (["critical", "high", "medium", "low"].index(each["severity"]), each["first_ns"], each["id"])
        for each in findings
    ]
    assert ranks == sorted(ranks)
    assert len(ranks) > 5


def test_without_a_policy_there_are_none_and_no_older_ones(tmp_path: Path) -> None:
    replay(golden.traffic(DUAL), "--policy", golden.POLICY, "--out", tmp_path)
    assert (tmp_path / FINDINGS).exists()
    result = replay(golden.traffic(DUAL), "--out", tmp_path, "--json")
    assert not (tmp_path / FINDINGS).exists()
    assert "findings" not in json.loads(result.stdout)


def test_nothing_found_is_an_empty_file(tmp_path: Path) -> None:
    case = golden.PCAPS / "bedrock-sovereign"
    result = replay(golden.traffic(case), "--policy", golden.POLICY, "--out", tmp_path)
    assert (tmp_path / FINDINGS).read_bytes() == b""
    assert json.loads((tmp_path / SUMMARY).read_bytes())["findings"]["count"] == 0
    assert "FINDINGS" not in result.stdout


@pytest.mark.parametrize("columns", [60, 80, 100])
def test_the_text_is_a_short_table(tmp_path: Path, columns: int) -> None:
    policy = golden.policy_with_behaviours(DUAL, tmp_path)
    result = replay(golden.traffic(DUAL), "--policy", policy, columns=columns)
    shown = unstyle(result.stdout)
    lines = shown.partition("FINDINGS: 6\n\n")[2].splitlines()
    assert max(map(len, lines)) <= columns
    assert lines[0] == "id               severity connect. cure by    rule"
    assert "993c04082db6b9f3 high            1 2026-06-08 RES-030" in lines
    assert "  acme/crm-backend -> openai; anywhere (global endpoint)" in lines


def test_a_long_table_names_the_file() -> None:
    book = Book(small_policy())
    for number in range(console_findings.MAX_SHOWN + 3):
        book.offer(decide(number, rule=f"R{number}"))
    *_, last = console_findings.findings(book.findings(), 80)
    assert last == "and 3 more findings in findings.jsonl"


def test_findings_are_as_of_the_last_packet() -> None:
    book = Book(small_policy())
    for second in (0, 11 * DAY):
        book.offer(decide(second))
    book.tick(at(11 * DAY))
    assert the(book).state == "lapsed"


def test_findings_without_room_make_a_replay_incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.findings.book.MAX_FINDINGS", 2)
    monkeypatch.setattr("monitor.findings.book.ROOM", 1)
    replayed = replaying.replay([golden.traffic(DEMO)], example(), Reading("dpkt"))
    assert replayed.summary.bounds["forgotten-findings"] > 0
    assert not replayed.summary.complete
    assert replayed.status == 4


def test_out_says_which_of_its_files_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / FINDINGS).mkdir()
    result = replay(golden.traffic(DEMO), "--policy", golden.POLICY, "--out", tmp_path)
    assert result.exit_code == 2
    assert result.stderr == f"residency: {tmp_path / FINDINGS}: it is a folder; choose another --out\n"
