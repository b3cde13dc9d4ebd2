"""`rejudge` and `policy diff` over real ledgers: what is erased, missing, altered, or never ended."""

import functools
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from monitor import app
from monitor.ledger.types import Record
from monitor.policy import Policy
from monitor.pseudonyms import Pseudonyms
from monitor.rejudge.ending import Endings
from monitor.rejudge.types import Recorded
from monitor.types import Decision
from tests.ledger_kit import FILING, NOW_NS, contents, expired, ledger_of, opened, recorded
from tests.rejudge_kit import DEMO, POLICY, changes, decisions, document, edited, run

CAPTURE = DEMO.with_name("traffic.pcap")
GLOBAL = ("on_global: violation\n    on_indeterminate", "on_global: allow\n    on_indeterminate")


@functools.cache
def policy() -> Policy:
    known = app.load_knowledge(POLICY).policy
    assert known is not None
    return known


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ledger root of the demo capture. Nobody writes to it."""
    return ledger_of(CAPTURE, POLICY, tmp_path_factory.mktemp("demo"))


@pytest.fixture
def own(demo: Path, tmp_path: Path) -> Path:
    """A copy of it, to do harm to; its folder has the key."""
    shutil.copytree(demo.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / "ledger"


def still_open(decision: Decision, bytes_up: int = 1) -> Decision:
    """The verdict on a connection while it lives."""
    totals = replace(decision.connection.totals, reason="active", bytes_up=bytes_up)
    return replace(decision, connection=replace(decision.connection, totals=totals))


def test_the_same_policy_changes_nothing_and_no_byte(demo: Path) -> None:
    before = contents(demo)
    said = document("rejudge", demo, "--policy", POLICY)
    replayed = document("rejudge", DEMO, "--policy", POLICY)
    assert {key for key in said if said[key] != replayed[key]} == {"input"}
    assert said["input"]["decisions"] == 32
    assert said["input"]["inputs"] == [str(demo / "_unassigned"), str(demo / "acme")]
    assert contents(demo) == before


def test_a_tenants_ledger_alone(demo: Path, tmp_path: Path) -> None:
    edit = edited(tmp_path, GLOBAL)
    said = document("rejudge", demo / "acme", "--policy", edit, "--out", tmp_path / "out")
    assert said["judged"]["flows"] == 31
    assert changes(said) == {
        ("violation", "allow", "RES-030", "anthropic", 1),
        ("violation", "allow", "RES-030", "openai", 2),
    }
    lines = [json.loads(line) for line in (tmp_path / "out/rejudged.jsonl").read_text().splitlines()]
    assert {line["ledger"] for line in lines} == {"acme"}
    for line in lines:
        assert find(demo / "acme", line["index"])["connection"]["flow"] == line["flow"]


def find(ledger: Path, index: int) -> dict[str, dict[str, object]]:
    """The decision of an entry, as its payload file has it."""
    lines = [line for path in ledger.glob("payloads/*/*.jsonl") for line in path.read_text().splitlines()]
    (payload,) = [each["payload"] for each in map(json.loads, lines) if each["index"] == index]
    found: dict[str, dict[str, object]] = payload["decision"]
    return found


def test_a_diff_of_policies_over_a_ledger(demo: Path, tmp_path: Path) -> None:
    result = run("policy", "diff", POLICY, edited(tmp_path, GLOBAL), "--ledger", demo)
    assert result.exit_code == 1
    assert "~ rule RES-030 (changed)\n    on_global: violation -> allow\n" in result.stdout
    assert "violation RES-030 -> allow RES-030" in result.stdout
    assert "10.20.1.16 to 160.79.104.10 (acme record" in " ".join(result.stdout.split())
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_what_retention_erased_is_said(own: Path) -> None:
    expired(own.parent, 10)
    result = run("rejudge", own, "--policy", POLICY)
    assert result.exit_code == 1  # nothing is amiss, and violations are there
    text = " ".join(result.stdout.split())
    assert "19 of 32 decisions are no longer there" in text
    assert "19 of 19 allow: retention erased 2026-03-10" in text
    assert max(map(len, result.stdout.splitlines())) <= 80
    said = document("rejudge", own, "--policy", POLICY)
    assert (said["judged"]["flows"], said["changed"]["flows"], said["complete"]) == (13, 0, True)
    expired(own.parent, 400)
    result = run("rejudge", own, "--policy", POLICY)
    assert (result.exit_code, "There is no decision to judge again." in result.stdout) == (0, True)
    assert "of those that are still there" in " ".join(result.stdout.split())


def lose_payloads(ledger: Path) -> None:
    (ledger / "acme/payloads/violation/2026-03-10.jsonl").unlink()


def alter_a_payload(ledger: Path) -> None:
    path = ledger / "acme/payloads/violation/2026-03-10.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"outcome":"violation"', b'"outcome":"excepted" ', 1))


def add_no_decision(ledger: Path) -> None:
    ledgers = opened(ledger.parent)
    ledgers.append(
        "acme", [Record("decision", NOW_NS, "violation", "2026-03-10", b'{"decision":{"ts_ns":"?"}}')]
    )
    ledgers.append("acme", [Record("retention", NOW_NS, "record", "2026-03-10", b'{"class":7}')])
    ledgers.close()


def add_a_long_one(ledger: Path) -> None:
    ledgers = opened(ledger.parent)
    (sample, *_) = decisions()
    found = FILING.decision(replace(sample, reasons=("long " * 250_000,)), None, NOW_NS)
    ledgers.append("acme", [found])
    ledgers.close()


@pytest.mark.parametrize(
    ("harm", "problems", "judged"),
    [
        (lose_payloads, {"missing": 8}, 24),
        (alter_a_payload, {"altered": 1}, 31),
        (add_no_decision, {"malformed": 2}, 32),
        (add_a_long_one, {"too-long": 1}, 32),
    ],
)
def test_what_cannot_be_judged_is_counted(
    harm: Callable[[Path], None], problems: dict[str, int], judged: int, own: Path
) -> None:
    harm(own)
    result = run("rejudge", own, "--policy", POLICY, "--json")
    said = json.loads(result.stdout)
    assert result.exit_code == 4
    assert (said["input"]["problems"], said["judged"]["flows"]) == (problems, judged)
    assert "problem" in run("rejudge", own, "--policy", POLICY).stdout
    assert run("policy", "diff", POLICY, POLICY, "--ledger", own).exit_code == 4


def test_a_retention_record_of_another_day_explains_nothing(own: Path) -> None:
    lose_payloads(own)
    ledgers = opened(own.parent)
    payload = b'{"class":"violation","day":"2026-03-09","entries":8,"bytes":1}'
    ledgers.append("acme", [Record("retention", NOW_NS, "record", "2026-03-10", payload)])
    ledgers.close()
    assert run("rejudge", own, "--policy", POLICY).exit_code == 4


@pytest.mark.parametrize("name", ["checkpoint", "ledger.json", "tile/entries/000.p/45"])
def test_a_ledger_that_cannot_be_read_is_one_line(name: str, own: Path) -> None:
    (own / "acme" / name).write_bytes(b"\xff\x00[")
    result = run("rejudge", own, "--policy", POLICY)
    assert result.exit_code == 3, result.output
    assert len(result.stderr.splitlines()) == 1
    assert "acme" in result.stderr


def test_the_ledger_is_no_place_for_what_comes_out(own: Path) -> None:
    before = contents(own)
    for place in (own, own / "acme", own / "acme/payloads", own / "new"):
        result = run("rejudge", own, "--policy", POLICY, "--out", place)
        assert (result.exit_code, "what is read is not altered" in result.stderr) == (2, True)
    assert contents(own) == before
    assert run("rejudge", own, "--policy", POLICY, "--out", own.parent / "out").exit_code == 1


def test_pseudonyms_in_a_ledger_keep_their_group(tmp_path: Path) -> None:
    pseudonyms = Pseudonyms({0: bytes(32)}, 30)
    root = recorded([pseudonyms.pseudonymised(each) for each in decisions()], tmp_path, policy())
    said = document("rejudge", root, "--policy", POLICY)
    assert (said["changed"]["flows"], said["kept"]["flows"], said["unknown"]["flows"]) == (0, 32, 1)


def test_the_end_of_a_connection_counts_or_the_last_that_was_seen(tmp_path: Path) -> None:
    found = decisions()
    ended, killed, quiet = found[0], found[6], found[10]
    series = [
        still_open(ended), still_open(killed), still_open(ended, 2), still_open(killed, 700), ended,
        still_open(quiet, 9),
    ]  # fmt: skip
    said = document("rejudge", recorded(series, tmp_path, policy()), "--policy", POLICY)
    assert said["input"]["decisions"] == 6
    assert said["input"]["superseded"] == 3
    assert (said["judged"]["flows"], said["unended"]["flows"]) == (3, 2)
    assert said["judged"]["bytes_up"] == ended.connection.totals.bytes_up + 700 + 9
    assert (
        "2 connections whose end was never recorded"
        in run("rejudge", tmp_path / "ledger", "--policy", POLICY).stdout
    )


def taken(endings: Endings, decision: Decision, size: int = 1) -> list[Recorded]:
    return endings.take(Recorded(decision, 0, "acme"), size)


def test_what_waits_for_an_end_is_bounded() -> None:
    endings = Endings(waiting_bytes=10)
    one, two, three = (still_open(each) for each in decisions()[:3])
    assert taken(endings, one, 5) == taken(endings, two, 5) == []
    assert [(each.decision, each.ended) for each in taken(endings, three, 6)] == [(one, False), (two, False)]
    assert (endings.pushed_out, endings.superseded) == (2, 0)
    assert taken(endings, decisions()[2]) == [Recorded(decisions()[2], 0, "acme")]
    assert (endings.rest(), endings.superseded) == ([], 1)
    assert taken(endings, one, 10) == []  # there is room again


def test_a_start_of_the_sensor_ends_the_wait(tmp_path: Path) -> None:
    """The same packet time and five-tuple after a restart is another record, and no end of the one before."""
    (sample, *_) = decisions()
    root = recorded([still_open(sample)], tmp_path, policy())
    ledgers = opened(tmp_path)
    ledgers.append("acme", [FILING.note("sensor-start", {"sensor": "edge"}, NOW_NS)])
    ledgers.append("acme", [FILING.decision(sample, None, NOW_NS)])
    ledgers.close()
    said = document("rejudge", root, "--policy", POLICY)
    assert (said["judged"]["flows"], said["unended"]["flows"], said["input"]["superseded"]) == (2, 1, 0)


def test_a_ledger_without_notes_is_one_too(tmp_path: Path) -> None:
    ledgers = opened(tmp_path)
    ledgers.append("acme", [FILING.decision(each, None, NOW_NS) for each in decisions()[:5]])
    ledgers.close()
    assert document("rejudge", ledgers.root, "--policy", POLICY)["judged"]["flows"] == 5
