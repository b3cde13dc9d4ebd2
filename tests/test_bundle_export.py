"""`residency export`: what a bundle holds, that it is the same each time, and how the export is noted."""

import json
import threading
import time
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from monitor.bundle.export import Asked, export
from monitor.bundle.members import Captures, Manifest, split_payload
from monitor.bundle.verify import is_bundle, verify_bundle
from monitor.cli import group
from monitor.commands.bundle_capture import Compared, compare_capture
from monitor.datasets.use import DataChoice
from monitor.files import InputError
from monitor.findings import Book
from monitor.findings.actions import Comment
from monitor.findings.types import Change, Finding, Sample
from monitor.ledger.lock import RootLock
from monitor.ledger.reader import ledgers_in, open_ledger
from monitor.outbox.actions import Answer, Request, answer, take
from tests.bundle_kit import DEMO, ID, POLICY, contents, decision, exported, lines, small_ledger
from tests.ledger_kit import DAY_NS, FILING, KEY, NOW_NS, decided, expired, ledger_of, opened, recorded

VIOLATION = "580a0c30617d307d"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ledger_of(DEMO, POLICY, tmp_path_factory.mktemp("demo"))


def findings(ledger: Path) -> dict[str, list[bytes]]:
    """Return each finding of a ledger root, with the lines of its decisions."""
    found: dict[str, list[bytes]] = {}
    for folder in ledgers_in(ledger):
        for entry in open_ledger(folder).entries():
            if entry.leaf.kind == "decision" and entry.payload is not None:
                id_ = json.loads(entry.payload)["finding"]
                found.setdefault(id_, []).append(split_payload(entry.payload)[0])
    found.pop(None, None)  # type: ignore[call-overload]
    return found


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(group, list(map(str, args)))


def test_each_finding_of_a_replay_is_exported_and_holds(demo: Path, tmp_path: Path) -> None:
    replayed = {msgspec.json.encode(each) for each in decided(DEMO, POLICY)}
    found = findings(demo)
    assert len(found) >= 8
    for id_, of_it in found.items():
        out = tmp_path / f"{id_}.zip"
        done = exported(demo, out, id_, DEMO, packets=True)
        result = verify_bundle(out)
        assert result.holds, result.faults
        assert (result.finding, result.decisions) == (id_, len(of_it))
        members = contents(out)
        assert members["decisions.jsonl"].splitlines() == of_it
        assert replayed >= set(of_it)
        assert members["policy.yaml"] == POLICY.read_bytes()
        captures = msgspec.json.decode(members["captures.json"], type=Captures)
        assert len(captures.decisions) == len(of_it)
        assert not done.notes


def test_the_same_gives_the_same_bytes(demo: Path, tmp_path: Path) -> None:
    id_ = next(iter(findings(demo)))
    sums = [exported(demo, tmp_path / f"{each}.zip", id_, DEMO, packets=True).sha256 for each in "ab"]
    assert sums[0] == sums[1]
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_the_finding_is_the_last_one_that_was_recorded(demo: Path, tmp_path: Path) -> None:
    id_ = max(findings(demo).items(), key=lambda found: len(found[1]))[0]
    exported(demo, tmp_path / "b.zip", id_)
    members = contents(tmp_path / "b.zip")
    assert msgspec.json.decode(members["manifest.json"], type=Manifest).state == "ledger"
    last = json.loads(lines(members["changes.jsonl"])[-1])
    assert json.loads(members["finding.json"]) == last["finding"]


def test_a_capture_gives_the_decisions_again_byte_for_byte(demo: Path, tmp_path: Path) -> None:
    for id_ in findings(demo):
        exported(demo, tmp_path / "b.zip", id_, DEMO)
        assert compare_capture(tmp_path / "b.zip", [DEMO], DataChoice()) == Compared()
    other = tmp_path / "other.pcap"
    other.write_bytes(DEMO.read_bytes()[:-100])
    (fault,) = compare_capture(tmp_path / "b.zip", [other], DataChoice()).faults
    assert "SHA-256" in fault.problem


def test_replay_with_the_bundles_policy_gives_the_lines(demo: Path, tmp_path: Path) -> None:
    """As README.txt says."""
    pytest.importorskip("pyarrow")
    id_ = next(iter(findings(demo)))
    exported(demo, tmp_path / "b.zip", id_)
    members = contents(tmp_path / "b.zip")
    (tmp_path / "policy.yaml").write_bytes(members["policy.yaml"])
    done = run("replay", DEMO, "--policy", tmp_path / "policy.yaml", "--out", tmp_path / "replayed")
    assert done.exit_code == 1, done.output
    replayed = lines((tmp_path / "replayed" / "decisions.jsonl").read_bytes())
    assert set(lines(members["decisions.jsonl"])) <= set(replayed)


def test_another_policy_or_catalogue_then_is_told(tmp_path: Path) -> None:
    """The small ledger's decisions were never made of a capture: a replay of one has no such connection."""
    ledger = small_ledger(tmp_path)
    exported(ledger, tmp_path / "b.zip", ID, DEMO)
    decisions, datasets = compare_capture(tmp_path / "b.zip", [DEMO], DataChoice()).faults
    assert decisions.place == "decisions.jsonl, line 1"
    assert "then catalogue 0 with no data sets counted, here catalogue 20" in datasets.problem


def test_decisions_with_pseudonyms_are_not_compared_and_that_is_said(tmp_path: Path) -> None:
    made = decision()
    flow = replace(made.connection.flow, client="client-" + "0" * 32)
    ledger = recorded([replace(made, connection=replace(made.connection, flow=flow))], tmp_path)
    exported(ledger, tmp_path / "b.zip", ID, DEMO)
    result = run("verify", tmp_path / "b.zip", "--capture", DEMO)
    assert result.exit_code == 4
    assert ": verified\n" in result.stdout
    assert "not compared 1 decision with pseudonyms of clients" in result.stdout


def _without_changes(folder: Path) -> Path:
    """Make a ledger that recorded decisions alone, as one may that was made before there were findings."""
    ledgers = opened(folder)
    for port in (50_000, 50_001):
        ledgers.append("acme", [FILING.decision(decision(port), None, NOW_NS)])
    ledgers.close()
    return ledgers.root


def test_without_changes_the_finding_is_computed_of_the_decisions(tmp_path: Path) -> None:
    ledger = _without_changes(tmp_path)
    done = exported(ledger, tmp_path / "b.zip")
    book = Book(None)
    for port in (50_000, 50_001):
        book.offer(decision(port))
    members = contents(tmp_path / "b.zip")
    assert msgspec.json.decode(members["finding.json"], type=Finding) == book.get(ID)
    assert msgspec.json.decode(members["manifest.json"], type=Manifest).state == "computed"
    assert verify_bundle(tmp_path / "b.zip").holds
    assert done.notes == ("the ledger does not say which policy was loaded; name it with --policy",)


def test_a_named_policy_counts_where_the_ledger_has_none(tmp_path: Path) -> None:
    ledger = _without_changes(tmp_path)
    export(Asked(ID, ledger, tmp_path / "b.zip", policy=POLICY))
    assert contents(tmp_path / "b.zip")["policy.yaml"] == POLICY.read_bytes()
    assert verify_bundle(tmp_path / "b.zip").holds


def test_another_policy_than_the_ledgers_is_refused(tmp_path: Path) -> None:
    ledger = small_ledger(tmp_path)
    with pytest.raises(InputError, match="not the policy that the ledger says was loaded"):
        export(Asked(ID, ledger, tmp_path / "b.zip", policy=POLICY))
    assert not (tmp_path / "b.zip").exists()


def test_what_retention_erased_is_not_there(tmp_path: Path) -> None:
    """Of a finding that somebody looked at later than its connections, that is left."""
    later_ns = NOW_NS + 300 * DAY_NS
    ledger = small_ledger(tmp_path, 3)
    book = Book(None)
    book.offer(decision())
    (change,) = book.act(Comment(finding=ID, by="rita", text="looked at"), later_ns)
    ledgers = opened(tmp_path, later_ns)
    ledgers.append("acme", [FILING.change(change, later_ns)])
    ledgers.close()
    expired(tmp_path, 400)
    done = exported(ledger, tmp_path / "b.zip")
    assert (done.decisions, done.changes) == (0, 1)
    assert "retention erased them" in done.notes[0]
    assert verify_bundle(tmp_path / "b.zip").holds
    expired(tmp_path, 700)
    with pytest.raises(InputError, match="what retention erased is gone"):
        exported(ledger, tmp_path / "b.zip")


@pytest.mark.parametrize("finding", ["0" * 16, "", "../x", "a b"])
def test_an_unknown_finding_is_one_line(tmp_path: Path, finding: str) -> None:
    ledger = small_ledger(tmp_path)
    done = run("export", "--finding", finding, "--ledger", ledger, "--out", tmp_path / "b.zip")
    assert done.exit_code == 2
    assert f"nothing of finding {finding} is there" in done.stderr
    assert list(tmp_path.glob("*.zip")) == []


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--packets"], "name one with --capture"),
        (["--capture", "missing.pcap"], "there is no such file"),
        (["--policy", "missing.yaml"], "check the path"),
        (["--ledger", "missing"], "no such file"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, args: list[str], says: str) -> None:
    ledger = small_ledger(tmp_path)
    done = run("export", "--finding", ID, "--ledger", ledger, "--out", tmp_path / "b.zip", *args)
    assert done.exit_code == (3 if args[0] in ("--capture", "--ledger") else 2)
    assert says in done.stderr
    assert "Traceback" not in done.output
    assert not (tmp_path / "b.zip").exists()


def test_out_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    ledger = small_ledger(tmp_path)
    done = run("export", "--finding", ID, "--ledger", ledger, "--out", tmp_path / "no" / "b.zip")
    assert done.exit_code == 2
    assert "choose another --out" in done.stderr


def test_an_export_is_noted_in_the_ledger(tmp_path: Path) -> None:
    ledger = small_ledger(tmp_path)
    out = tmp_path / "b.zip"
    args = ("export", "--finding", ID, "--ledger", ledger, "--out", out, "--by", "rita")
    done = run(*args, "--key", tmp_path / KEY)
    assert done.exit_code == 0, done.output
    assert "not noted" not in done.stderr
    *_, last = open_ledger(ledgers_in(ledger)[0]).entries()
    assert last.leaf.kind == "export"
    assert last.payload is not None
    noted = json.loads(last.payload)
    assert noted["finding"] == ID
    assert noted["by"] == "rita"
    assert noted["sha256"] in done.stdout
    assert is_bundle(out)
    assert verify_bundle(out).holds


def test_an_export_that_cannot_be_noted_stands(tmp_path: Path) -> None:
    ledger = small_ledger(tmp_path)
    size = open_ledger(ledgers_in(ledger)[0]).size
    (tmp_path / "other").mkdir()
    small_ledger(tmp_path / "other")
    lock = RootLock(ledger)
    cases: list[tuple[list[str | Path], str]] = [
        ([], "name the ledger's key"),
        (["--key", tmp_path / KEY], "another daemon"),
        (["--key", tmp_path / "other" / KEY], "not the key of this ledger"),
        (["--key", tmp_path / "missing.key"], "missing.key"),
        (["--state", tmp_path / "missing"], "missing"),
    ]
    for args, says in cases:
        done = run("export", "--finding", ID, "--ledger", ledger, "--out", tmp_path / "b.zip", *args)
        assert done.exit_code == 0, done.output
        assert "the export is not noted: " in done.stderr
        assert says in done.stderr
        assert verify_bundle(tmp_path / "b.zip").holds
    lock.close()
    assert open_ledger(ledgers_in(ledger)[0]).size == size
    assert not (tmp_path / "missing.key").exists()


def test_a_daemon_that_runs_notes_an_export(tmp_path: Path) -> None:
    ledger, state, asked = small_ledger(tmp_path), tmp_path / "state", list[Request]()
    state.mkdir()
    take(state, 1)

    def daemon() -> None:
        while not asked:
            asked.extend(take(state, 1))
            time.sleep(0.01)
        answer(state, asked[0], Answer("done", "noted"))

    thread = threading.Thread(target=daemon, daemon=True)
    thread.start()
    out = tmp_path / "b.zip"
    done = run("export", "--finding", ID, "--ledger", ledger, "--out", out, "--by", "rita", "--state", state)
    thread.join()
    assert "not noted" not in done.stderr
    action = asked[0].action
    assert isinstance(action, Comment)
    assert (action.finding, action.by) == (ID, "rita")
    assert action.text.rpartition(" ")[2] in done.stdout


def test_a_behaviour_comes_with_its_first_connection(tmp_path: Path) -> None:
    """No decision names the finding of a behaviour."""
    first = decision(outcome="allow", rule=None)
    finding = Finding(
        "b" * 16, "unusual-upload", first.connection.subject, "unusual-upload", "low", "much went up",
        first.ts_ns, first.ts_ns, first.ts_ns, first.ts_ns,
        sample=Sample(first.ts_ns, first.connection.flow, "api.openai.com"),
    )  # fmt: skip
    ledgers = opened(tmp_path)
    ledgers.append("acme", [FILING.decision(first, None, NOW_NS), FILING.decision(decision(1), None, NOW_NS)])
    ledgers.append("acme", [FILING.change(Change("opened", first.ts_ns, "seen", finding), NOW_NS)])
    ledgers.close()
    done = exported(ledgers.root, tmp_path / "b.zip", finding.id)
    assert (done.decisions, done.changes) == (1, 1)
    assert contents(tmp_path / "b.zip")["decisions.jsonl"] == msgspec.json.encode(first) + b"\n"
    assert verify_bundle(tmp_path / "b.zip").holds


def test_what_another_version_wrote_is_verified_as_it_stands(tmp_path: Path) -> None:
    """A field more, as a later version may have it, and a field less, as an earlier one may."""
    ledgers = opened(tmp_path)
    (change,) = Book(None).offer(decision())
    value = msgspec.to_builtins(change)
    value["finding"]["later"] = 1
    del value["finding"]["references"]
    ledgers.append("acme", [FILING.decision(decision(), None, NOW_NS)])
    ledgers.append("acme", [FILING.note("finding", value, NOW_NS)])
    ledgers.close()
    exported(ledgers.root, tmp_path / "b.zip")
    assert json.loads(contents(tmp_path / "b.zip")["finding.json"]) == json.loads(
        json.dumps(value["finding"])
    )
    assert verify_bundle(tmp_path / "b.zip").holds


def test_the_ledger_is_only_read(tmp_path: Path) -> None:
    ledger = small_ledger(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in ledger.rglob("*")}
    exported(ledger, tmp_path / "b.zip")
    assert {path: path.stat().st_mtime_ns for path in ledger.rglob("*")} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.zip", "ledger", KEY]


def test_a_folder_or_a_ledger_is_no_bundle(tmp_path: Path) -> None:
    assert not is_bundle(tmp_path)
    assert not is_bundle(tmp_path / "missing")
