"""Facts of findings alone: a file of them, or what was exported."""

from pathlib import Path

import msgspec
import pytest

from monitor.events.native import native
from monitor.events.types import Basis, FindingEvent
from monitor.exports import FINDINGS, finding_lines
from monitor.findings import Book
from monitor.findings.types import Finding
from monitor.report.found import MAX_SHOWN, FoundSoFar
from monitor.report.reading import gather, input_length
from monitor.report.references import References
from monitor.report.seeing import UNKNOWN
from monitor.report.types import Loaded, Period
from tests.findings_kit import behave, decide, policy
from tests.rejudge_kit import run, written
from tests.report_kit import asking, refused, seconds


def findings() -> list[Finding]:
    book = Book(policy())
    book.offer(decide(10))
    book.offer(decide(20, severity="low", rule="S"))
    book.behave(behave(100, 200))
    return book.findings()


def test_a_file_of_findings(tmp_path: Path) -> None:
    path = tmp_path / "found.jsonl"
    path.write_bytes(finding_lines(findings()))
    facts = gather(asking(path))
    ids = [
        "unusual-upload-1" if each.clients and each.kind == "unusual-upload" else each.id
        for each in findings()
    ]
    assert [each.finding.id for each in facts.findings] == ids
    assert [each.finding.kind for each in facts.findings] == [each.kind for each in findings()]
    assert (facts.inputs[0].kind, facts.inputs[0].decisions, facts.related.flows) == ("findings", 0, 0)
    assert (facts.seen.says, facts.seen.complete, facts.outcomes) == (UNKNOWN, False, None)
    assert any("findings alone" in each for each in facts.seen.cautions)
    assert input_length(asking(path)) == path.stat().st_size


@pytest.mark.parametrize(
    ("since", "until", "count"),
    [(0, 5, 0), (0, 15, 1), (15, None, 2), (150, 160, 1), (None, 100, 2), (201, None, 0)],
)
def test_those_that_touch_the_period(
    tmp_path: Path, since: float | None, until: float | None, count: int
) -> None:
    path = tmp_path / FINDINGS
    path.write_bytes(finding_lines(findings()))
    assert len(gather(asking(tmp_path, period=seconds(since, until))).findings) == count


def test_what_is_exported_can_be_read(tmp_path: Path) -> None:
    path, out = tmp_path / FINDINGS, tmp_path / "exported.jsonl"
    path.write_bytes(finding_lines(findings()))
    assert run("findings", "export", "--file", path, "--out", out).exit_code == 0
    ids = {each.finding.id for each in gather(asking(path)).findings}
    assert {each.finding.id for each in gather(asking(out)).findings} == ids
    for form in ("ocsf", "ecs", "cef", "csv"):
        assert run("findings", "export", "--file", path, "--format", form, "--out", out).exit_code == 0
        assert "neither decisions nor findings" in refused(out)


def test_what_they_rest_on_is_told(tmp_path: Path) -> None:
    book = Book(policy())
    basis = Basis("1.0", "edge", "small@0123456789ab", "cat", ("geo 1",))
    changes = [*book.offer(decide(10)), *book.offer(decide(20, rule="S"))]
    events = [FindingEvent(each.key, each.at_ns, each, basis) for each in changes]
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(native(each) + b"\n" for each in events))
    facts = gather(asking(path))
    assert facts.loaded == (Loaded(0, None, "1.0", "cat", "small@0123456789ab", ("geo 1",)),)
    assert [each.version for each in facts.policies] == ["small@0123456789ab"]


def test_decisions_beside_them_are_referred_to(tmp_path: Path) -> None:
    found, decided = tmp_path / "found.jsonl", tmp_path / "decided.jsonl"
    found.write_bytes(finding_lines(findings()))
    written(decided, [decide(second, port=second) for second in range(8, 0, -1)])
    facts = gather(asking(found, decided))
    (first,) = [each for each in facts.findings if each.finding.rule == "R"]
    assert [(at.input, at.index) for at in first.references] == [(1, 7), (1, 6), (1, 5), (1, 4), (1, 3)]


@pytest.mark.parametrize("line", [b"{", b'{"id":1,"opened_ns":2}', b"[" * 100_000, b"x" * 5_000_000])
def test_lines_that_are_no_findings_are_counted(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / FINDINGS
    path.write_bytes(finding_lines(findings()) + line + b"\n")
    facts = gather(asking(path))
    assert len(facts.findings) == 3
    assert sum(facts.inputs[0].problems.values()) == 1
    path.write_bytes(line)
    assert "no line of it is a finding" in refused(path)


def test_of_one_tenant(tmp_path: Path) -> None:
    path = tmp_path / FINDINGS
    path.write_bytes(finding_lines(findings()))
    assert len(gather(asking(path, tenant="acme")).findings) == 3
    assert refused(path, tenant="beta") == "tenant 'beta': no input knows it; there are acme"


def test_more_than_are_shown_are_counted() -> None:
    so_far = FoundSoFar(Period())
    (one,) = Book(policy()).offer(decide(1))
    for number in range(MAX_SHOWN + 10):
        finding = msgspec.structs.replace(one.finding, id=f"{number:016x}", first_ns=MAX_SHOWN - number)
        so_far.stands(finding, 0)
    shown = so_far.found(References())
    assert len(shown) == MAX_SHOWN
    assert [each.finding.first_ns for each in shown] == sorted(each.finding.first_ns for each in shown)
    assert so_far.left_out == 10
