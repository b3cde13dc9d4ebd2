"""Facts of what replays left: they are the summary's, of a period, of a tenant; and what is refused."""

import hashlib
import json
import random
import re
import shutil
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from monitor.exports import BEHAVIOURS, DECISIONS, FINDINGS, SUMMARY, behaviour_lines
from monitor.findings import finding_id
from monitor.policy.words import Severity
from monitor.report.reading import gather, input_length
from monitor.report.seeing import NOT_OF_ANY, UNKNOWN, WHOLE_CAPTURES
from monitor.report.types import Facts, Loaded, Period
from monitor.summary import LIMITS
from monitor.types import Decision
from tests.findings_kit import behave, decide
from tests.observed import at
from tests.rejudge_kit import decisions, written
from tests.report_kit import CAPTURE, POLICY, asking, demo_facts, demo_replay, refused, seconds


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_replay(tmp_path_factory.mktemp("replay"))


def copied(replay: Path, folder: Path) -> Path:
    return Path(shutil.copytree(replay, folder / "copy"))


def test_the_facts_are_those_of_the_summary(replay: Path) -> None:
    said = json.loads((replay / SUMMARY).read_bytes())
    facts = gather(asking(replay))
    shown = json.loads(msgspec.json.encode(facts))
    assert shown["related"] == said["llm_related"]
    assert shown["outcomes"] == said["outcomes"]
    assert shown["seen"]["says"] == said["coverage_statement"]
    for name in ("coverage", "concealing", "connections", "ech_offered", "address_hosting"):
        assert shown["seen"][name] == said[name], name
    assert [row["key"] for row in shown["destinations"]] == [row["key"] for row in said["destinations"]]
    assert [row["count"] for row in shown["destinations"]] == [row["count"] for row in said["destinations"]]
    groups = {(row["tenant"], row["source_group"]): row["connections"] for row in said["coverage_by_group"]}
    assert {
        (row["tenant"], row["source_group"]): row["connections"] for row in shown["seen"]["groups"]
    } == groups
    assert [each.finding.id for each in facts.findings] == [
        json.loads(line)["id"] for line in (replay / FINDINGS).read_bytes().splitlines()
    ]
    assert facts.limits == LIMITS
    assert facts.seen.complete
    assert facts.seen.bytes_known
    assert facts.left_out == {}


def test_what_was_read_is_said(replay: Path) -> None:
    facts = gather(asking(replay))
    (given,) = facts.inputs
    assert given.kind == "replay"
    assert given.name == str(replay)
    assert given.decisions == 32
    assert given.captures == (str(CAPTURE),)
    assert given.sha256 == hashlib.sha256((replay / DECISIONS).read_bytes()).hexdigest()
    versions = json.loads((replay / SUMMARY).read_bytes())["versions"]
    assert facts.loaded == (Loaded(0, None, versions["tool"], versions["catalogue"], versions["policy"]),)
    assert [(each.version, each.text) for each in facts.policies] == [(versions["policy"], None)]
    (sensor,) = facts.seen.sensors
    assert (sensor.name, sensor.packets, sensor.watched_ns) == (str(replay), 999, None)


def test_references_lead_to_the_lines_of_each_finding(replay: Path) -> None:
    lines = decisions(replay / DECISIONS)
    for each in gather(asking(replay)).findings:
        assert len(each.references) == min(each.finding.count, 5)
        for reference in each.references:
            line = lines[reference.index]
            assert finding_id(line) == each.finding.id
            assert (reference.ts_ns, reference.flow.server) == (line.ts_ns, line.connection.flow.server)
            assert reference.bytes_up == line.connection.totals.bytes_up


def test_the_exception_is_told_by_the_text_of_its_policy(replay: Path) -> None:
    (used,) = gather(asking(replay, policies=(POLICY,))).exceptions
    assert (used.id, used.ticket, used.approved_by) == ("EXC-2026-004", "DPO-412", "Data protection officer")
    assert (used.last_day, used.groups, used.count.flows) == ("2026-09-30", ("acme/crm-backend",), 1)
    (used,) = gather(asking(replay)).exceptions
    assert (used.id, used.ticket, used.last_day) == ("EXC-2026-004", None, None)


def test_the_same_input_gives_the_same_bytes_and_another_order_the_same_facts(
    replay: Path, tmp_path: Path
) -> None:
    once, again = (msgspec.json.encode(gather(asking(replay))) for _ in range(2))
    assert once == again
    other = copied(replay, tmp_path)
    lines = (other / DECISIONS).read_bytes().splitlines(keepends=True)
    random.Random(7).shuffle(lines)
    (other / DECISIONS).write_bytes(b"".join(lines))
    assert placeless(gather(asking(other))) == placeless(gather(asking(replay)))


def placeless(facts: Facts) -> Facts:
    """Facts without what says in which file and line they stood."""
    found = [
        replace(each, references=tuple(replace(at, index=0) for at in each.references))
        for each in facts.findings
    ]
    sensors = tuple(replace(each, name="") for each in facts.seen.sensors)
    return replace(facts, inputs=(), findings=tuple(found), seen=replace(facts.seen, sensors=sensors))


def test_progress_adds_up_to_the_length(replay: Path) -> None:
    steps: list[int] = []
    gather(asking(replay), steps.append)
    assert sum(steps) == input_length(asking(replay)) == (replay / DECISIONS).stat().st_size


def test_the_first_packet_decides_whether_it_is_in_the_period(tmp_path: Path) -> None:
    path = written(tmp_path / DECISIONS, [decide(second, port=second + 1) for second in range(10)])
    facts = gather(asking(path, period=seconds(2, 5)))
    assert facts.related.flows == facts.inputs[0].decisions == 3
    assert facts.seen_period == Period(at(2), at(4) + 1)
    assert sum(sum(bucket.counts.values()) for bucket in facts.timeline.buckets) == 3
    assert gather(asking(path, period=seconds(20))).seen_period == Period()


def test_coverage_of_a_period_is_said_to_be_of_the_whole(replay: Path) -> None:
    whole = gather(asking(replay))
    facts = gather(asking(replay, period=seconds(-100, 20)))
    assert 0 < facts.related.flows < whole.related.flows
    assert facts.seen.connections == whole.seen.connections
    assert WHOLE_CAPTURES in facts.seen.cautions
    assert facts.seen.sensors[0].unseen == ((at(-100), whole.seen.sensors[0].first_ns),)
    assert 0 < len(facts.findings) < len(whole.findings)
    later = gather(asking(replay, period=seconds(10_000)))
    assert (later.related.flows, later.findings, later.destinations) == (0, (), ())


def test_of_one_tenant(replay: Path) -> None:
    facts = gather(asking(replay, tenant="acme", policies=(POLICY,)))
    assert facts.related.flows == 31
    assert {row.key.tenant for row in facts.destinations} == {"acme"}
    assert {row.tenant for row in facts.seen.groups} == {"acme"}
    rows = json.loads((replay / SUMMARY).read_bytes())["coverage_by_group"]
    assert facts.seen.connections.flows == sum(
        row["connections"]["flows"] for row in rows if row["tenant"] == "acme"
    )
    assert NOT_OF_ANY in facts.seen.cautions
    assert facts.policies[0].text is not None  # it names no other tenant
    assert facts.title.endswith("acme")


def test_a_tenant_that_no_input_knows(replay: Path) -> None:
    line = refused(replay, tenant="acm")
    assert line == "tenant 'acm': no input knows it; there are acme"


@pytest.mark.parametrize("names", [(SUMMARY, FINDINGS), (SUMMARY,), (FINDINGS,)])
def test_what_is_missing_is_a_caution(replay: Path, tmp_path: Path, names: tuple[str, ...]) -> None:
    folder = copied(replay, tmp_path)
    for name in names:
        (folder / name).unlink()
    facts = gather(asking(folder))
    assert facts.related.flows == 32
    assert facts.seen.complete == (SUMMARY not in names)
    assert (facts.seen.says == UNKNOWN) == (SUMMARY in names)
    missing = SUMMARY if SUMMARY in names else FINDINGS
    assert any(f"there is no {missing}" in each for each in facts.seen.cautions)
    assert bool(facts.findings) == (FINDINGS not in names)


def test_decisions_alone(replay: Path) -> None:
    facts = gather(asking(replay / DECISIONS))
    assert (facts.related.flows, facts.findings, facts.loaded, facts.policies) == (32, (), (), ())
    assert facts.outcomes is not None  # they say that they were judged
    assert facts.seen.says == UNKNOWN


def test_an_inventory_has_no_outcomes(tmp_path: Path) -> None:
    found = [replace(decide(at), outcome=None, rule=None, severity=None) for at in range(3)]
    facts = gather(asking(written(tmp_path / DECISIONS, found)))
    assert facts.outcomes is None
    assert facts.timeline.buckets[0].counts == {"inventory": 1}


def test_a_summary_of_another_run_is_noticed(replay: Path, tmp_path: Path) -> None:
    folder = copied(replay, tmp_path)
    lines = (folder / DECISIONS).read_bytes().splitlines(keepends=True)
    (folder / DECISIONS).write_bytes(b"".join(lines[:30]))
    facts = gather(asking(folder))
    assert any("tells of 32" in each and "of 30" in each for each in facts.seen.cautions)
    assert not facts.seen.complete


def test_lines_that_say_something_else_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path / DECISIONS, [decide(1), decide(2, port=2)])
    good = path.read_bytes()
    hostile = [
        b"not json", b"{}", b"[" * 100_000, b'{"ts_ns":NaN}', b'"\xff\xfe"', good.splitlines()[0][:-40],
        good.splitlines()[0].replace(b'"ts_ns":1', b'"ts_ns":"1', 1), b"",
    ]  # fmt: skip
    path.write_bytes(good + b"\n".join(hostile) + b"\n" + b"x" * 2_000_000 + b"\n" + good[:200])
    facts = gather(asking(path))
    assert facts.related.flows == 2
    assert facts.inputs[0].problems == {"malformed": len(hostile) + 1, "too-long": 1}
    assert any("records could not be used" in each for each in facts.seen.cautions)


@pytest.mark.parametrize("ts_ns", [-(2**63), 2**63 - 1, 2**64 - 1])
def test_packets_of_any_time(tmp_path: Path, ts_ns: int) -> None:
    found = replace(decide(1), ts_ns=ts_ns)
    facts = gather(asking(written(tmp_path / DECISIONS, [found, decide(2, port=2)])))
    assert facts.related.flows == 2
    assert len(facts.timeline.buckets) == 2
    assert ts_ns in (facts.seen_period.since_ns, (facts.seen_period.until_ns or 0) - 1)


def test_numbers_that_no_packet_can_have_are_malformed(replay: Path, tmp_path: Path) -> None:
    huge = 10**400
    found = [decide(1), replace(decide(2), ts_ns=huge)]
    totals = replace(found[0].connection.totals, bytes_up=huge)
    found.append(replace(decide(3), connection=replace(decide(3).connection, totals=totals)))
    path = tmp_path / DECISIONS
    path.write_text("\n".join(json.dumps(msgspec.to_builtins(each)) for each in found))
    facts = gather(asking(path))
    assert (facts.related.flows, facts.inputs[0].problems) == (1, {"malformed": 2})
    folder = copied(replay, tmp_path)
    (finding, *_) = (folder / FINDINGS).read_bytes().splitlines()
    changed = re.sub(rb'"bytes_up":\d+', b'"bytes_up":%d' % huge, finding)
    (folder / FINDINGS).write_bytes(changed + b"\n")
    assert gather(asking(folder)).inputs[0].problems == {"malformed": 1}
    summary = (folder / SUMMARY).read_bytes()
    (folder / SUMMARY).write_bytes(re.sub(rb'"flows": \d+', b'"flows": %d' % huge, summary))
    assert "no summary of a replay" in refused(folder)


def test_a_verdict_and_the_end_of_its_connection_are_one(tmp_path: Path) -> None:
    open_, ended = decide(1, is_open=True), decide(1)
    lives = decide(5, is_open=True, port=9)
    facts = gather(asking(written(tmp_path / DECISIONS, [open_, ended, lives])))
    assert facts.related.flows == facts.inputs[0].decisions == 2


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[1, 2", b'{"schema":"residency-rejudged/1"}', b"\xff", b"[" * 9_999]
)
def test_a_summary_that_is_none_is_refused(replay: Path, tmp_path: Path, content: bytes) -> None:
    folder = copied(replay, tmp_path)
    (folder / SUMMARY).write_bytes(content)
    assert "no summary of a replay" in refused(folder)


def test_the_same_input_twice_is_refused(replay: Path, tmp_path: Path) -> None:
    other = copied(replay, tmp_path)
    assert "an input already" in refused(replay, replay)
    assert "an input already" in refused(replay, replay / DECISIONS)
    assert "an input already" in refused(replay, replay / ".." / replay.name)
    assert "the same as" in refused(replay, other)
    assert "the same as" in refused(replay, other / FINDINGS)
    assert "the same as" in refused(other / DECISIONS, replay)


def test_several_inputs_add_up(tmp_path: Path) -> None:
    one = written(tmp_path / "one.jsonl", [decide(1), decide(3, port=3)])
    two = written(tmp_path / "two.jsonl", [decide(0, port=5), decide(2, "10.20.0.6")])
    nothing = [tmp_path / "a" / DECISIONS, tmp_path / "b" / DECISIONS]
    for path in nothing:
        path.parent.mkdir()
        path.touch()
    facts = gather(asking(one, two, *nothing))
    assert [each.decisions for each in facts.inputs] == [2, 2, 0, 0]
    (row,) = facts.destinations
    assert (row.count.flows, row.first_ns, row.last_ns, row.clients) == (4, at(0), at(3), 2)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path, "no such file"),
        (lambda path: path.mkdir(), "neither a replay nor a ledger is there"),
        (lambda path: path.write_text("hello\n"), "neither decisions nor findings"),
        (lambda path: path.write_bytes(b"\x00" * 9_000_000), "neither decisions nor findings"),
    ],
)
def test_what_is_no_input(tmp_path: Path, make: object, said: str) -> None:
    make(tmp_path / "given")  # type: ignore[operator]
    line = refused(tmp_path / "given")
    assert said in line
    assert line.startswith(str(tmp_path / "given"))


def test_without_any_input() -> None:
    assert refused().startswith("report: no input; ")


def test_a_policy_has_to_be_one_that_judged(replay: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(POLICY.read_text(encoding="utf-8") + "\n# later\n", encoding="utf-8")
    version = demo_facts().policies[0].version
    line = refused(replay, policies=(other,))
    assert line.startswith(f"{other}: it is eu-crm@")
    assert line.endswith(f"which judged nothing here; give the text of {version}")
    other.write_text("version: 2\n", encoding="utf-8")
    assert refused(replay, policies=(other,)).startswith(f"{other}: line 1: ")
    assert refused(replay, policies=(tmp_path / "none",)).startswith(f"{tmp_path / 'none'}: no such file")
    assert demo_facts(addresses=True).policies[0].text == POLICY.read_text(encoding="utf-8")


def test_destinations_beyond_those_shown_are_counted(tmp_path: Path) -> None:
    found: list[Decision] = []
    for number in range(2_100):
        made = decide(number, port=number)
        attribution = replace(made.attribution, service=f"API {number}")
        found.append(replace(made, attribution=attribution))
    facts = gather(asking(written(tmp_path / DECISIONS, found)))
    assert len(facts.destinations) == 2_000
    assert facts.left_out == {"destinations": 100}
    assert facts.related.flows == 2_100
    counts = Counter[str]()
    for bucket in facts.timeline.buckets:
        counts.update(bucket.counts)
    assert counts == {"violation": 2_100}


def test_behaviours_are_those_of_the_period_worst_first(replay: Path, tmp_path: Path) -> None:
    folder = copied(replay, tmp_path)
    severities: tuple[Severity, ...] = ("low", "critical", "medium")
    made = [replace(behave(0, 10, severity=each), id=f"{n:04}") for n in range(300) for each in severities]
    (folder / BEHAVIOURS).write_bytes(behaviour_lines([*made, behave(5_000, 6_000)]))
    facts = gather(asking(folder, period=seconds(5, 20)))
    assert [each.severity for each in facts.behaviours] == ["critical"] * 300 + ["medium"] * 200
    assert facts.left_out == {"behaviours": 400}
    assert len(gather(asking(folder, period=seconds(5_500))).behaviours) == 1
