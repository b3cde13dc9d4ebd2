"""Facts of ledgers: what their records say of decisions, findings, coverage and what was loaded."""

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from monitor.findings import Book
from monitor.findings.types import Change
from monitor.ledger.types import Record
from monitor.policy import Policy
from monitor.recording.records import datasets_said, policy_said
from monitor.report.reading import gather, input_length
from monitor.report.seeing import UNKNOWN, WINDOWS_COUNT, WINDOWS_OF_ALL
from monitor.report.sources.ledgers import NOT_VERIFIED
from monitor.report.types import Loaded, Period
from monitor.types import Decision, Subject
from monitor.windows import Window
from sensors.observations import Count
from tests.findings_kit import RULES, action, decide, policy
from tests.ledger_kit import FILING, NOW_NS, expired, ledger_of, opened
from tests.observed import at
from tests.policy_help import HEAD, compiled
from tests.report_kit import CAPTURE, POLICY, asking, demo_facts, demo_replay, refused, seconds

ACME, BETA = Subject("acme", "backend", "crm"), Subject("beta", "backend", "crm")
TENANTS = "  - name: beta\n    groups:\n      - {name: desk, sources: [10.50.0.0/16], data_class: crm}\n"
EXCEPTION = """\
exceptions:
  - id: EX-1
    ticket: T-1
    approved_by: dpo
    reason: moving
    when: {providers: [openai]}
    expires: 2026-12-31
"""


def two_tenants() -> Policy:
    return compiled(f"{HEAD}{TENANTS}{RULES}{EXCEPTION}")[0]


def ledger(folder: Path, *records: tuple[str | None, Record]) -> Path:
    """Append records to the ledgers of tenants, in this order; return the root."""
    ledgers = opened(folder)
    for tenant, record in records:
        ledgers.append(tenant, [record])
    ledgers.close()
    return ledgers.root


def decided(decision: Decision) -> tuple[str | None, Record]:
    return decision.connection.subject.tenant, FILING.decision(decision, None, NOW_NS)


def changes(*found: Change) -> list[tuple[str | None, Record]]:
    return [(change.finding.subject.tenant, FILING.change(change, NOW_NS)) for change in found]


def loaded(of: Policy, now_ns: int = NOW_NS, tenant: str = "acme") -> list[tuple[str | None, Record]]:
    notes = [
        FILING.note("policy-loaded", policy_said(of), now_ns),
        FILING.note("datasets-loaded", datasets_said("cat", ("geo 1",)), now_ns),
    ]
    return [(tenant, note) for note in notes]


def window(since: float, until: float, sensor: str = "edge", **other: object) -> Record:
    usual: dict[str, object] = {"coverage": {"sni": 9, "dns": 1, "address": 5}, "packets": 100, "lost": {}}
    made = Window(at(since), at(until), sensor, "", 15, bytes=0, **{**usual, **other})  # type: ignore[arg-type]
    return FILING.window(made, NOW_NS)


def test_a_ledger_says_of_connections_what_the_replay_does(tmp_path: Path) -> None:
    root = ledger_of(CAPTURE, POLICY, tmp_path)
    facts, replayed = gather(asking(root)), demo_facts()
    assert facts.related == replayed.related
    assert facts.outcomes == replayed.outcomes
    assert facts.destinations == replayed.destinations
    assert facts.timeline == replayed.timeline
    assert facts.exceptions == replayed.exceptions  # told by the text that is in the ledger
    assert [each.finding.id for each in facts.findings] == [each.finding.id for each in replayed.findings]
    assert [each.version for each in facts.policies] == [each.version for each in replayed.policies]
    assert NOT_VERIFIED in facts.limits
    assert facts.seen.says == UNKNOWN
    assert not facts.seen.complete
    assert msgspec.json.encode(facts) == msgspec.json.encode(gather(asking(root)))


def test_the_inputs_are_the_ledgers_as_far_as_they_went(tmp_path: Path) -> None:
    root = ledger_of(CAPTURE, POLICY, tmp_path)
    facts = gather(asking(root))
    assert [(Path(each.name).name, each.tenant, each.decisions) for each in facts.inputs] == [
        ("_unassigned", None, 1),
        ("acme", "acme", 31),
    ]
    for each in facts.inputs:
        lines = (Path(each.name) / "checkpoint").read_text().splitlines()
        assert each.checkpoint is not None
        assert [each.checkpoint.origin, str(each.checkpoint.size), each.checkpoint.root] == lines[:3]
        assert each.sha256 is None
    steps: list[int] = []
    gather(asking(root), steps.append)
    assert sum(steps) == input_length(asking(root))


def test_of_one_tenant(tmp_path: Path) -> None:
    of = two_tenants()
    records = [*loaded(of), *loaded(of, tenant="beta"), decided(decide(1)), decided(decide(2, subject=BETA))]
    both = [("acme", window(0, 300)), ("beta", window(0, 300))]
    root = ledger(tmp_path, *records, *both)
    facts = gather(asking(root, tenant="acme"))
    assert [each.tenant for each in facts.inputs] == ["acme"]
    assert facts.related.flows == 1
    assert "beta" not in msgspec.json.encode(replace(facts, inputs=())).decode()
    assert facts.policies[0].text is None
    assert any("names other tenants" in each for each in facts.seen.cautions)
    assert WINDOWS_OF_ALL in facts.seen.cautions
    whole = gather(asking(root))
    assert whole.policies[0].text == of.source.text
    assert whole.related.flows == 2
    assert facts == replace(gather(asking(root / "acme", tenant="acme")), people=facts.people)
    assert refused(root, tenant="gamma") == "tenant 'gamma': no input knows it; there are acme, beta"


def test_the_same_ledger_twice_is_refused(tmp_path: Path) -> None:
    root = ledger_of(CAPTURE, POLICY, tmp_path)
    assert "an input already" in refused(root, root / "acme")
    copy = tmp_path / "copy"
    (root / "acme").rename(copy)
    ledger_of(CAPTURE, POLICY, tmp_path / "again")
    assert "the same as" in refused(copy, tmp_path / "again/ledger")


def test_a_ledger_and_a_replay_of_the_same_traffic_are_noticed(tmp_path: Path) -> None:
    root = ledger_of(CAPTURE, POLICY, tmp_path)
    facts = gather(asking(root, demo_replay(tmp_path / "replay")))
    assert f"{tmp_path / 'replay'}: connections in it are in {root}" in "".join(facts.seen.cautions)
    assert not any("count twice" in each for each in gather(asking(root)).seen.cautions)


def test_a_finding_stands_as_it_did_at_the_end_of_the_period(tmp_path: Path) -> None:
    book = Book(policy())
    opened_ = book.offer(decide(10))
    more = book.offer(decide(20, port=2))
    taken = book.act(action("acknowledge", 100), at(100))
    cured = book.act(action("confirm-cure", 20_000), at(20_000))
    found = [*opened_, *more, *taken, *cured]
    root = ledger(tmp_path, *changes(*found))
    states = {
        until: [each.finding.state for each in gather(asking(root, period=seconds(0, until))).findings]
        for until in (10, 16, 150, 20_001)
    }
    assert states == {10: [], 16: ["open"], 150: ["acknowledged"], 20_001: ["cured"]}
    (whole,) = gather(asking(root)).findings
    assert [step.what for step in whole.steps] == [change.what for change in found]
    assert [step.at_ns for step in whole.steps] == [change.at_ns for change in found]
    assert gather(asking(root, period=seconds(20_001))).findings == ()  # it was over
    (open_,) = gather(asking(root, period=seconds(150, 160))).findings  # no connection, and not closed
    assert open_.finding.count == whole.finding.count


def test_steps_are_the_first_and_the_last(tmp_path: Path) -> None:
    book = Book(policy())
    (first,) = book.offer(decide(10))
    comments = [each for at_ in range(80) for each in book.act(action("comment", 100 + at_), at(100 + at_))]
    facts = gather(asking(ledger(tmp_path, *changes(first, *comments))))
    (found,) = facts.findings
    assert [step.at_ns for step in found.steps] == [first.at_ns, *(each.at_ns for each in comments[-49:])]
    assert facts.left_out == {"steps": 31}


def test_windows_count_once_though_each_tenant_has_them(tmp_path: Path) -> None:
    lost = {"ring": Count(3, 0)}
    windows = [window(0, 300), window(300, 600, lost=lost), window(900, 1_200)]
    root = ledger(tmp_path, *((tenant, each) for tenant in ("acme", "beta") for each in windows))
    seen = gather(asking(root)).seen
    assert seen.says == "coverage 66.6 % of flows, of what could be looked at"
    assert (seen.connections.flows, seen.named.flows, seen.bytes_known) == (45, 30, False)
    assert {name: count.flows for name, count in seen.coverage.items() if count.flows} == {
        "sni": 27, "dns": 3, "address": 15,
    }  # fmt: skip
    (sensor,) = seen.sensors
    assert (sensor.name, sensor.packets, sensor.lost) == ("edge", 300, lost)
    assert sensor.unseen == ((at(600), at(900)),)
    assert sensor.watched_ns == at(900) - at(0)
    assert not seen.complete
    assert WINDOWS_COUNT in seen.cautions


@pytest.mark.parametrize(
    ("windows", "complete"),
    [
        ([(0, 300, {}), (300, 600, {})], True),
        ([(0, 300, {}), (301, 600, {})], False),
        ([(0, 500, {})], False),
        ([(0, 300, {}), (300, 600, {"lost": {"decode": Count(1)}})], True),
        ([(0, 300, {}), (300, 600, {"lost": {"interface": Count(1)}})], False),
        ([(0, 300, {}), (300, 600, {"shed": 1})], False),
        ([(0, 300, {}), (300, 600, {"blind": ("eth0 was not up",)})], False),
    ],
)
def test_when_all_was_looked_at(tmp_path: Path, windows: list[tuple[int, int, dict]], complete: bool) -> None:  # type: ignore[type-arg]  # noqa: FBT001
    made = [("acme", window(since, until, **other)) for since, until, other in windows]
    seen = gather(asking(ledger(tmp_path, *made), period=seconds(0, 600))).seen
    assert seen.complete == complete


def test_a_period_bounds_windows_and_what_no_window_covers(tmp_path: Path) -> None:
    windows = [("acme", window(since, since + 300)) for since in (0, 300, 600, 900)]
    root = ledger(tmp_path, *windows)
    facts = gather(asking(root, period=seconds(450, 1_500)))
    (sensor,) = facts.seen.sensors
    assert facts.seen.connections.flows == 45
    assert sensor.unseen == ((at(1_200), at(1_500)),)
    assert sensor.watched_ns == at(1_200) - at(450)
    assert any("stand out" in each for each in facts.seen.cautions)
    facts = gather(asking(root, period=seconds(5_000, 6_000)))
    assert (facts.seen.says, facts.seen.sensors, facts.seen.complete) == (UNKNOWN, (), False)
    facts = gather(asking(root, period=seconds(1_200, 6_000)))  # the last one ended just then
    assert (facts.seen.says, len(facts.seen.cautions)) == (UNKNOWN, 1)


def test_what_was_loaded_is_what_decisions_were_made_with(tmp_path: Path) -> None:
    one, two, three = (compiled(f"{HEAD}{RULES}# {number}\n")[0] for number in range(3))
    records = [
        *loaded(one, at(0)),
        decided(decide(1)),
        *loaded(one, at(50)),  # a restart changes nothing
        *loaded(two, at(100)),
        decided(decide(101, port=2)),
        *loaded(three, at(200)),
        decided(decide(201, port=3)),
    ]
    root = ledger(tmp_path, *records)

    def versions(period: Period) -> tuple[list[str | None], list[str]]:
        facts = gather(asking(root, period=period))
        return [each.policy for each in facts.loaded], [each.version for each in facts.policies]

    assert versions(seconds()) == ([each.version for each in (one, two, three)],) * 2
    assert versions(seconds(50, 150)) == ([two.version], [two.version])
    assert versions(seconds(110, 150)) == ([two.version], [two.version])  # no decision: those of the time
    assert versions(seconds(150, 250)) == ([three.version], [three.version])
    first = gather(asking(root)).loaded[0]
    assert first == Loaded(0, at(0), first.tool, "cat", one.version, ("geo 1",))


def test_exceptions_are_told_by_the_policy_that_was_loaded(tmp_path: Path) -> None:
    of = two_tenants()
    excused = replace(decide(1), outcome="excepted", exception="EX-1")
    root = ledger(tmp_path, *loaded(of), decided(excused), decided(replace(excused, ts_ns=at(9))))
    (used,) = gather(asking(root)).exceptions
    assert (used.id, used.policy, used.ticket, used.reason) == ("EX-1", of.version, "T-1", "moving")
    assert (used.count.flows, used.first_ns, used.last_ns) == (2, at(1), at(9))
    assert used.groups == ("acme/backend",)


def test_the_use_of_an_exception_is_known_longer_than_its_connections(tmp_path: Path) -> None:
    of = two_tenants()
    excused = replace(decide(1), outcome="excepted", exception="EX-1")
    noted = "acme", FILING.exception_used(excused, of.version, NOW_NS)
    root = ledger(tmp_path, *loaded(of), decided(excused), noted)
    (before,) = gather(asking(root)).exceptions
    expired(tmp_path, 5_000)
    facts = gather(asking(root))
    (after,) = facts.exceptions
    assert (before.count.flows, after.count.flows) == (1, 0)
    assert (after.id, after.ticket, after.first_ns) == ("EX-1", "T-1", at(1))
    assert facts.inputs[0].erased == {"excepted": 1}
    assert gather(asking(root, period=seconds(100))).inputs[0].erased == {}
    assert gather(asking(root, period=seconds(100))).exceptions == ()


def test_an_altered_payload_does_not_count(tmp_path: Path) -> None:
    root = ledger(tmp_path, *loaded(two_tenants()), decided(decide(1)), decided(decide(2, port=2)))
    (path,) = (root / "acme/payloads/violation").iterdir()
    path.write_bytes(path.read_bytes().replace(b'"bytes_up":1000', b'"bytes_up":9999', 1))
    facts = gather(asking(root))
    assert facts.related.flows == 1
    assert facts.inputs[0].problems == {"altered": 1}
    assert any("records could not be used" in each for each in facts.seen.cautions)


def test_a_policy_that_is_not_its_version_is_no_text(tmp_path: Path) -> None:
    of = two_tenants()
    said = {**policy_said(of), "text": of.source.text + "# more"}
    root = ledger(tmp_path, ("acme", FILING.note("policy-loaded", said, NOW_NS)), decided(decide(1)))
    facts = gather(asking(root))
    assert [(each.version, each.text) for each in facts.policies] == [(of.version, None)]
    assert facts.inputs[0].problems == {"malformed": 1}


@pytest.mark.parametrize(
    "kind", ["coverage", "finding", "policy-loaded", "datasets-loaded", "exception-used"]
)
@pytest.mark.parametrize("payload", [b"{}", b'{"x":' + b"[" * 5_000 + b"]" * 5_000 + b"}", b'{"version":1}'])
def test_records_that_say_something_else_are_counted(tmp_path: Path, kind: str, payload: bytes) -> None:
    record = Record(kind, NOW_NS, "record", "2026-03-10", payload)  # type: ignore[arg-type]
    facts = gather(asking(ledger(tmp_path, ("acme", record), decided(decide(1)))))
    assert facts.inputs[0].problems == {"malformed": 1}
    assert facts.related.flows == 1


def test_a_damaged_ledger_is_one_line(tmp_path: Path) -> None:
    root = ledger(tmp_path, decided(decide(1)))
    (root / "acme/ledger.json").write_text("{}")
    assert refused(root).startswith(str(root / "acme/ledger.json"))
