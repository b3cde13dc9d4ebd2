"""`residency findings`: over the file of a replay, over a daemon's folders, and against its recorder."""

import csv
import io
import json
import os
import shutil
import time
from pathlib import Path

import msgspec
import pytest

from monitor.exports import finding_lines
from monitor.findings.actions import Acknowledge
from monitor.findings.types import Change, Finding
from monitor.ledger.reader import open_ledger
from monitor.outbox.actions import Operated, new_request
from monitor.outbox.reading import OutboxReader
from monitor.recording.acting import act
from monitor.settings import Settings, load_settings
from tests import outbox_kit
from tests.state_kit import AGO_NS, found, made, recording_daemon, recording_of, run_findings, seen

COMMANDS = ("list", "show", "ack", "cure", "confirm", "except", "reopen", "comment", "export")


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A daemon's folders, as it left them."""
    return made(tmp_path_factory.mktemp("daemon")).parent


@pytest.fixture
def config(left: Path, tmp_path: Path) -> Path:
    """A copy of them, by its configuration."""
    shutil.copytree(left, tmp_path / "copy")
    return tmp_path / "copy/residency.yaml"


@pytest.fixture
def settings(config: Path) -> Settings:
    return load_settings(config)


@pytest.fixture
def file(settings: Settings) -> Path:
    """The same findings, as a replay leaves them."""
    path = settings.state.parent / "findings.jsonl"
    path.write_bytes(finding_lines(found(settings)))
    return path


def one(settings: Settings, id_: str) -> Finding:
    return next(each for each in found(settings) if each.id == id_)


def worst(settings: Settings) -> Finding:
    return next(each for each in found(settings) if each.severity == "critical")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_and_has_examples(command: str) -> None:
    result = run_findings(command, "--help")
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert f"    residency findings {command}" in result.stdout


def test_the_list_is_a_table_of_80_columns_worst_first(config: Path, settings: Settings) -> None:
    result = run_findings("list", "--config", config)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    rows = [line.split() for line in lines if not line.startswith(" ")]
    assert rows[0] == ["ID", "SEVERITY", "STATE", "CONNECT.", "CURE", "BY", "RULE"]
    severities = [row[1] for row in rows[1:]]
    assert severities == sorted(severities, key=("critical", "high", "medium", "low").index)
    assert {row[0] for row in rows[1:]} == {each.id for each in found(settings)}
    assert "  acme/office -> deepseek; not known; the operator points to CN" in lines
    assert result.stderr.startswith(f"residency: {len(rows) - 1} findings\n")


def test_state_folder_file_and_configuration_list_the_same(
    config: Path, settings: Settings, file: Path
) -> None:
    listed = [
        run_findings("list", "--json", *place)
        for place in (("--config", config), ("--state", settings.state), ("--file", file))
    ]
    assert listed[0].stdout == listed[1].stdout == listed[2].stdout
    parsed = [msgspec.json.decode(line, type=Finding) for line in listed[0].stdout.splitlines()]
    assert sorted(parsed, key=lambda each: each.id) == found(settings)


@pytest.mark.parametrize(
    ("options", "fits"),
    [
        (("--severity", "high"), lambda each: each.severity in {"critical", "high"}),
        (("--tenant", "acme"), lambda _: True),
        (("--tenant", "nobody"), lambda _: False),
        (("--rule", "RES-030"), lambda each: each.rule == "RES-030"),
        (("--provider", "groq"), lambda each: "groq" in (each.provider, *each.possible)),
        (("--in-state", "cured"), lambda each: each.state == "cured"),
    ],
)
def test_filters(settings: Settings, options: tuple[str, ...], fits: object) -> None:
    assert callable(fits)
    result = run_findings("list", "--state", settings.state, "--json", *options)
    fitting = [each for each in found(settings) if fits(each)]
    expected = {each.id for each in fitting}
    assert {json.loads(line)["id"] for line in result.stdout.splitlines()} == expected
    assert result.exit_code == any(each.kind == "violation" for each in fitting)


def test_names_of_the_network_cannot_write_on_the_terminal(tmp_path: Path) -> None:
    hostile = "\x1b[31mred\x1b[0m\r\nid"
    evil = outbox_kit.finding()
    assert evil.sample is not None
    evil = msgspec.structs.replace(
        evil,
        sample=msgspec.structs.replace(evil.sample, server_name=hostile),
        title=hostile,
        rule=hostile,
        provider=hostile,
        clients=(hostile,),
    )
    path = tmp_path / "findings.jsonl"
    path.write_bytes(finding_lines([evil]))
    for words in (("list",), ("show", evil.id), ("list", "--json"), ("export", "--format", "csv")):
        printed = run_findings(*words, "--file", path).stdout
        assert "\\x1b[31mred" in printed or "\\u001b[31mred" in printed
        assert "\x1b" not in printed


def test_show_says_everything_in_80_columns(config: Path, settings: Settings) -> None:
    finding = worst(settings)
    result = run_findings("show", finding.id[:6].upper(), "--config", config)
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    text = " ".join(result.stdout.split())
    for part in (
        f"Finding {finding.id}",
        "state open: nobody has said anything yet",
        "as api.deepseek.com",
        "the client's hello names api.deepseek.com",
        "outside policy RES-001",
        "Network evidence shows where a connection ended, not where inference ran.",
        "reminder",
        "GDPR notification",
        "History opened",
        "Rests on sensor edge, Residency Monitor",
        "remediation Stop the client and tell the DPO.",
        f"residency findings ack {finding.id}",
    ):
        assert part in text, part


def test_show_without_the_ledger_says_so(settings: Settings, tmp_path: Path) -> None:
    finding = worst(settings)
    result = run_findings("show", finding.id, "--state", settings.state, "--ledger", tmp_path / "none")
    assert result.exit_code == 0
    assert "residency: without its history: " in result.stderr
    assert "History" not in result.stdout


STATUSES = [
    (("list",), 2, "say whose findings: --config FILE or --state DIR (a daemon's), or --file FILE"),
    (("list", "--state", "nowhere"), 3, "nowhere/state.db: no such file; start `residency run`"),
    (("list", "--file", "nowhere"), 3, "nowhere: no such file or directory; check the path"),
    (("show", "zzzz"), 2, "zzzz: no finding has this identifier; see `residency findings list --all`"),
    (("show", ""), 2, "no finding has this identifier"),
    (("ack", "zzzz"), 2, "zzzz: no finding has this identifier"),
    (("cure", "ID"), 2, "give --plan TEXT and --owner-role ROLE, or --confirm and --note TEXT"),
    (("cure", "ID", "--confirm", "--note", "x", "--plan", "y"), 2, "--confirm goes with --note TEXT"),
    (("except", "ID", "--ticket", "T", "--until", "soon", "--reason", "x"), 2, "write it as 2026-03-10"),
    (("ack", "ID", "--note", "two\nlines"), 2, "write one line"),
    (("reopen", "ID", "--note", "x"), 2, "is open, not closed; comment on it instead"),
]


@pytest.mark.parametrize(("words", "status", "message"), STATUSES)
def test_errors_are_one_line_with_the_mend(
    config: Path, settings: Settings, words: tuple[str, ...], status: int, message: str
) -> None:
    given = [worst(settings).id if word == "ID" else word for word in words]
    placed = given if words[0] == "list" else [*given, "--config", str(config)]
    result = run_findings(*placed)
    assert result.exit_code == status
    assert message in result.stderr or message in str(result.exception)
    assert "Traceback" not in result.output


def test_an_identifier_that_is_nearly_one(settings: Settings) -> None:
    finding = worst(settings)
    wrong = finding.id[:8] + ("0" if finding.id[8] != "0" else "1") + finding.id[9:]
    result = run_findings("show", wrong, "--state", settings.state)
    assert result.exit_code == 2
    assert f"did you mean {finding.id}?" in result.stderr


def test_an_identifier_that_fits_several(tmp_path: Path) -> None:
    path = tmp_path / "findings.jsonl"
    path.write_bytes(finding_lines([outbox_kit.finding(number) for number in range(1, 9)]))
    result = run_findings("show", "rf-0000", "--file", path)
    assert result.exit_code == 2
    assert "8 findings begin like that; write more of it: RF-000000000001, " in result.stderr


@pytest.mark.parametrize("content", [b"{}\n", b"\xff\n", b"[" * 100_000, b'{"id":"x"}\n'])
def test_a_file_that_holds_no_findings(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "findings.jsonl"
    path.write_bytes(content)
    result = run_findings("list", "--file", path)
    assert result.exit_code == 3
    assert f"{path}: line 1: no finding (" in result.stderr


@pytest.mark.parametrize("form", ["native", "ocsf", "ecs", "cef", "csv"])
def test_export(config: Path, settings: Settings, file: Path, tmp_path: Path, form: str) -> None:
    findings = found(settings)
    out = tmp_path / "out"
    result = run_findings("export", "--config", config, "--format", form, "--out", out)
    assert (result.exit_code, result.stdout) == (0, "")
    lines = out.read_bytes().splitlines()
    assert run_findings("export", "--config", config, "--format", form).stdout_bytes == out.read_bytes()
    assert run_findings("export", "--file", file, "--format", form).exit_code == 0
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(out.read_text("utf-8"))))
        assert {row["id"] for row in rows} == {each.id for each in findings}
        assert rows[0]["severity"] == "critical"
    else:
        assert len(lines) == len(findings)
        assert all(any(each.id.encode() in line for line in lines) for each in findings)
    if form == "native":
        events = [json.loads(line) for line in lines]
        assert {event["basis"]["sensor"] for event in events} == {"edge"}


def test_an_export_is_of_one_tenant_where_that_is_asked_for(config: Path, settings: Settings) -> None:
    tenants = {each.subject.tenant for each in found(settings)}
    assert tenants == {"acme"}
    words = "export", "--config", config, "--format", "csv", "--tenant"
    assert len(run_findings(*words, "acme").stdout.splitlines()) == len(found(settings)) + 1
    assert len(run_findings(*words, "acm").stdout.splitlines()) == 1


def test_no_cell_of_a_table_is_a_formula(tmp_path: Path) -> None:
    path = tmp_path / "findings.jsonl"
    path.write_bytes(finding_lines([msgspec.structs.replace(outbox_kit.finding(), title="=1+1", rule="@x")]))
    printed = run_findings("export", "--file", path, "--format", "csv").stdout
    (row,) = csv.DictReader(io.StringIO(printed))
    assert (row["title"], row["rule"]) == ("'=1+1", "'@x")


def recorded(settings: Settings, kind: str) -> list[bytes]:
    """Return the payloads of a kind in the tenant's ledger."""
    entries = open_ledger(settings.ledger / "acme").entries()
    return [entry.payload for entry in entries if entry.leaf.kind == kind and entry.payload is not None]


def test_without_a_daemon_it_acts_itself_ledger_first(config: Path, settings: Settings) -> None:
    finding = worst(settings)
    before = len(recorded(settings, "finding"))
    result = run_findings("ack", finding.id[:5], "--config", config, "--by", "dpo", "--note", "on it")
    assert result.exit_code == 0, result.stderr
    who = f"dpo ({os.environ.get('SUDO_USER') or 'root'})" if os.geteuid() == 0 else "dpo ("
    assert f"finding {finding.id} is acknowledged: {who}" in result.stdout
    now = one(settings, finding.id)
    assert (now.state, now.revision) == ("acknowledged", finding.revision + 1)
    assert now.acknowledged is not None
    assert now.acknowledged.text == "on it"
    (operated,) = recorded(settings, "operator")
    asked = msgspec.json.decode(operated, type=Operated)
    assert (asked.action.finding, asked.uid) == (finding.id, os.geteuid())
    changes = recorded(settings, "finding")
    assert len(changes) == before + 1
    assert msgspec.json.decode(changes[-1], type=Change).finding == now
    reader = OutboxReader(settings.state)
    last = reader.peek(0, 1_000)[-1]
    assert last.key == f"{finding.id}-{now.revision}"
    assert reader.position()["acme"] == open_ledger(settings.ledger / "acme").size
    reader.close()
    text = " ".join(run_findings("show", finding.id, "--config", config).stdout.split())
    assert "state acknowledged: somebody looks into it" in text
    assert "acknowledged it: on it" in text


def test_a_running_daemon_does_it(config: Path, settings: Settings) -> None:
    finding = worst(settings)
    with recording_daemon(config):
        done = run_findings("ack", finding.id, "--state", settings.state)
        again = run_findings("ack", finding.id, "--state", settings.state)
        cure = ("--plan", "pin the region", "--owner-role", "crm-platform")
        third = run_findings("cure", finding.id, "--config", config, *cure)
        during = one(settings, finding.id)
    assert during.state == "curing", (done.stderr, again.stderr, third.stderr)
    assert (done.exit_code, again.exit_code, third.exit_code) == (0, 2, 0)
    assert f"finding {finding.id} is acknowledged already; start its cure, or comment on it" in again.stderr
    assert len(recorded(settings, "operator")) == 2
    cured = one(settings, finding.id).cure
    assert cured is not None
    assert (cured.note.text, cured.owner_role) == ("pin the region", "crm-platform")


def test_what_the_disk_does_not_take_is_pending_and_done_later(settings: Settings) -> None:
    finding, now_ns = worst(settings), time.time_ns()
    request = new_request(Acknowledge(finding=finding.id, by="alice"), now_ns)
    with recording_of(settings) as (recording, filing):
        with outbox_kit.file_limit(1):
            answer = act(recording, filing, request, now_ns)
        assert answer.status == "pending"
        assert "alice acknowledged it; not durable yet: " in answer.says
        assert recording.owed
        assert worst(settings).state == "open"
        recording.settle(now_ns)
        assert not recording.owed
    assert worst(settings).state == "acknowledged"
    assert len(recorded(settings, "operator")) == 1


def test_what_the_ledger_took_and_the_outbox_did_not_is_done_at_the_next_start(
    config: Path, settings: Settings
) -> None:
    finding, now_ns = worst(settings), time.time_ns()
    request = new_request(Acknowledge(finding=finding.id, by="alice"), now_ns)
    with recording_of(settings) as (recording, filing):
        recording.outbox._connection.execute("PRAGMA query_only=1")  # noqa: SLF001  as a disk that fails
        answer = act(recording, filing, request, now_ns)
        assert (answer.status, recording.owed) == ("pending", 0)
    assert worst(settings).state == "open"
    said = run_findings("comment", finding.id, "--config", config, "--note", "after a crash")
    assert said.exit_code == 0, said.stderr
    assert worst(settings).state == "acknowledged"
    assert len(recorded(settings, "operator")) == 2


def test_without_daemon_and_configuration_nothing_is_done(settings: Settings) -> None:
    result = run_findings("ack", worst(settings).id, "--state", settings.state)
    assert result.exit_code == 2
    assert "no daemon runs there; start it, or give --config FILE, which names its ledger" in result.stderr


def test_a_folder_of_another_user_is_left_to_that_user(config: Path, settings: Settings) -> None:
    if os.geteuid() != 0:
        pytest.skip("to give a folder to somebody needs root")
    os.chown(settings.ledger, 65_534, 65_534)
    result = run_findings("ack", worst(settings).id, "--config", config)
    assert result.exit_code == 2
    assert "it belongs to user 65534, and no daemon runs; run it as that user" in result.stderr
    assert worst(settings).state == "open"


def test_the_list_says_how_much_could_be_seen(config: Path, settings: Settings, file: Path) -> None:
    def last(*words: str | Path) -> str:
        return run_findings("list", *words).stderr.splitlines()[-1]

    unknown = "residency: how much could be seen is not known: the ledger has no statement of it"
    assert last("--config", config) == unknown
    assert last("--config", config, "--tenant", "nobody") == unknown
    now_ns = time.time_ns()
    seen(settings, now_ns - 900_000_000_000, now_ns - 700_000_000_000)
    assert last("--config", config).endswith(" UTC: all; nothing is known of the time after that")
    seen(settings, now_ns - 400_000_000_000, now_ns - 100_000_000_000)
    assert last("--config", config).endswith(" UTC: all")
    assert last("--ledger", settings.ledger, "--state", settings.state).endswith(" UTC: all")
    assert "with --config" in last("--state", settings.state)
    assert last("--file", file) == "residency: how much could be seen is in the replay's summary"


def test_a_cure_is_confirmed_by_silence_alone(config: Path, settings: Settings) -> None:
    finding, now_ns = worst(settings), time.time_ns()
    words = ("confirm", finding.id, "--config", config, "--note", "pinned")
    refused = run_findings(*words)
    assert refused.exit_code == 2
    assert "silence is no evidence that finding" in refused.stderr
    assert "sensors covered 0.00 % of the time" in refused.stderr
    seen(settings, now_ns - AGO_NS - 3_600_000_000_000, now_ns - 60_000_000_000)
    done = run_findings(*words)
    assert done.exit_code == 0, done.stderr
    now = one(settings, finding.id)
    assert now.state == "cured"
    assert now.silence is not None
    assert (now.silence.covered_share, now.silence.since_ns) == (1.0, finding.alive_ns + 1)
    assert finding.alive_ns > finding.last_ns
    shown = run_findings("show", finding.id, "--config", config).stdout
    assert "sensors covered 100.00 % of" in " ".join(shown.split())
    listed = run_findings("list", "--config", config)
    assert finding.id not in listed.stdout
    assert "1 not listed (--all lists closed ones, too)" in listed.stderr
    assert finding.id in run_findings("list", "--config", config, "--all").stdout


def test_silence_can_be_claimed_from_a_later_day(config: Path, settings: Settings) -> None:
    finding, now_ns = worst(settings), time.time_ns()
    day = time.strftime("%Y-%m-%d", time.gmtime(now_ns / 10**9 - 8 * 86_400))
    seen(settings, now_ns - AGO_NS * 9 // 10, now_ns - 60_000_000_000)  # it was away for a day
    words = ("confirm", finding.id, "--config", config, "--note", "pinned")
    assert "sensors covered 8" in run_findings(*words).stderr
    done = run_findings(*words, "--since", day)
    assert done.exit_code == 0, done.stderr
    assert f"after silence since {day} 00:00:00 UTC" in done.stdout
    again = one(settings, finding.id).silence
    assert again is not None
    assert again.covered_share == 1.0


def test_put_up_with_it_and_open_it_again(config: Path, settings: Settings) -> None:
    finding = worst(settings)
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 30 * 86_400))
    words = ("--ticket", "DPO-17", "--until", day, "--reason", "it is migrated by then")
    done = run_findings("except", finding.id, "--config", config, *words)
    assert done.exit_code == 0, done.stderr
    assert f"waived it until {day} 23:59:59 UTC under DPO-17: it is migrated by then" in done.stdout
    assert one(settings, finding.id).state == "excepted"
    again = run_findings("reopen", finding.id, "--config", config, "--note", "migration failed")
    assert again.exit_code == 0, again.stderr
    assert one(settings, finding.id).state == "open"
    said = run_findings("comment", finding.id, "--config", config, "--note", "vendor ticket 4711")
    assert said.exit_code == 0, said.stderr
    history = " ".join(run_findings("show", finding.id, "--config", config).stdout.split())
    for part in ("closed", "opened it again: migration failed", "said: vendor ticket 4711"):
        assert part in history
