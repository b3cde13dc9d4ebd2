"""`residency rejudge` over what replays left: what changes, what stays, and how it ends."""

import json
from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from monitor.datasets.store import Store
from monitor.pseudonyms import Pseudonyms
from tests.datasets_kit import aws, put
from tests.policy_help import ROOT
from tests.rejudge_kit import DEMO, POLICY, changes, decisions, document, edited, run, written
from tests.test_datasets_commands import EARLY, LATE, replayed

CASES = sorted(path for path in ROOT.glob("pcaps/*/decisions.jsonl") if path.stat().st_size)


def test_the_same_policy_changes_nothing(tmp_path: Path) -> None:
    everything = [decision for path in CASES for decision in decisions(path)]
    said = document("rejudge", written(tmp_path / "all.jsonl", everything), "--policy", POLICY)
    assert said["judged"]["flows"] == len(everything) > 80
    assert (said["changed"]["flows"], said["rows"], said["was"]) == (0, [], said["would_be"])


def test_nor_does_attributing_anew_by_the_same_catalogue() -> None:
    said = document("rejudge", DEMO, "--policy", POLICY, "--reattribute")
    assert said["versions"]["attribution"] == "made anew"
    assert (said["judged"]["flows"], said["changed"]["flows"]) == (32, 0)


def exception(last_day: str) -> tuple[str, str]:
    return "expires: 2026-09-30", f"expires: {last_day}"


Rows = set[tuple[str, str, str | None, str | None, int]]
CHANGES: list[tuple[str, list[tuple[str, str]], Rows]] = [
    (
        "another answer for global endpoints",
        [("on_global: violation\n    on_indeterminate", "on_global: indeterminate\n    on_indeterminate")],
        {
            ("violation", "indeterminate", "RES-030", "anthropic", 1),
            ("violation", "indeterminate", "RES-030", "openai", 2),
        },
    ),
    (
        "the exception was over",
        [exception("2026-03-09")],
        {("excepted", "indeterminate", "RES-030", "openai", 1)},
    ),
    ("the exception ends with the flow's day", [exception("2026-03-10")], set()),
    (
        "another severity",
        [("severity: critical", "severity: high")],
        {("violation", "violation", "RES-001", "deepseek", 1)},
    ),
]


@pytest.mark.parametrize(
    ("edit", "expected"), [each[1:] for each in CHANGES], ids=[each[0] for each in CHANGES]
)
def test_another_policy(
    edit: list[tuple[str, str]],
    expected: Rows,
    tmp_path: Path,
) -> None:
    assert changes(document("rejudge", DEMO, "--policy", edited(tmp_path, *edit))) == expected


def test_whose_a_flow_is_follows_the_address(tmp_path: Path) -> None:
    moved = edited(tmp_path, ("sources: [10.40.0.0/16]", "sources: [10.99.0.0/16]"))
    said = document("rejudge", DEMO, "--policy", moved, "--out", tmp_path / "out")
    lines = [json.loads(line) for line in (tmp_path / "out/rejudged.jsonl").read_text().splitlines()]
    office = [each for each in decisions() if each.connection.flow.client.startswith("10.40.")]
    became = Counter((line["flow"]["client"], line["would_be"]["outcome"]) for line in lines)
    assert became == {("10.40.7.21", "unassigned"): len(office), ("10.99.3.4", "violation"): 1}
    assert said["would_be"]["unassigned"]["flows"] == len(office)
    guest = next(line for line in lines if line["flow"]["client"] == "10.99.3.4")
    assert guest["would_be"]["subject"] == {
        "tenant": "acme",
        "source_group": "office",
        "data_class": "general",
    }
    assert guest["reasons"][0].startswith("outside policy RES-001")


def test_another_class_of_data_is_told_where_the_outcome_stays(tmp_path: Path) -> None:
    said = document("rejudge", DEMO, "--policy", edited(tmp_path, ("name: office\n", "name: people\n")))
    assert {row["key"]["what"] for row in said["rows"]} == {"subject"}
    assert said["other_outcome"]["flows"] == 0
    assert "something else changes" in run("rejudge", DEMO, "--policy", tmp_path / "edited.yaml").stdout


def pseudonymised(folder: Path) -> Path:
    pseudonyms = Pseudonyms({0: bytes(32)}, 30)
    return written(folder / "hidden.jsonl", [pseudonyms.pseudonymised(each) for each in decisions()])


def test_pseudonyms_keep_their_source_group(tmp_path: Path) -> None:
    hidden = pseudonymised(tmp_path)
    said = document("rejudge", hidden, "--policy", POLICY)
    assert (said["changed"]["flows"], said["kept"]["flows"], said["unknown"]["flows"]) == (0, 32, 1)
    moved = edited(tmp_path, ("sources: [10.40.0.0/16]", "sources: [10.99.0.0/16]"))
    assert (
        document("rejudge", hidden, "--policy", moved)["changed"]["flows"] == 0
    )  # who knows their addresses
    text = " ".join(run("rejudge", hidden, "--policy", moved).stdout.split())
    assert "32 connections of clients without address keep their source group" in text
    assert "1 connection of these had none, whoever would own them now" in text


def test_a_pseudonyms_group_has_the_class_that_the_policy_gives_it_now(tmp_path: Path) -> None:
    hidden = pseudonymised(tmp_path)
    stricter = edited(tmp_path, ("data_class: general", "data_class: crm"))
    said = document("rejudge", hidden, "--policy", stricter)
    assert said == document("rejudge", DEMO, "--policy", stricter) | {
        key: said[key] for key in ("input", "kept", "unknown", "rows")
    }
    assert said["other_outcome"]["flows"] > 0
    gone = document("rejudge", hidden, "--policy", edited(tmp_path, ("name: office\n", "name: people\n")))
    assert {(row["key"]["would_be"], row["key"]["source_group"]) for row in gone["rows"]} == {
        ("unassigned", "office")
    }


def test_another_catalogue_makes_attributions_anew(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        """\
providers: [{id: corp-llm, name: Ours, operator_country: DE}]
defaults: {provider: corp-llm, scope: region, countries: [DE], source: us, date: 2026-03-01, verified: full}
endpoints: [{service: Inference, host: api.mistral.ai}, {service: None, host: chatgpt.com, not_llm: true}]
"""
    )
    said = document("rejudge", DEMO, "--policy", POLICY, "--catalog", own)
    assert changes(said) == {
        ("violation", "allow", "RES-040", "corp-llm", 2),
        ("allow", "not related", None, "openai", 2),
    }
    recorded = document("rejudge", DEMO, "--policy", POLICY, "--catalog", own, "--as-recorded")
    assert (recorded["changed"]["flows"], recorded["versions"]["attribution"]) == (0, "as recorded")
    assert "no LLM provider" in run("rejudge", DEMO, "--policy", POLICY, "--catalog", own).stdout


def test_as_of_a_day_is_by_the_data_sets_of_that_day(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    others = {"3.5.140.0/22": ("ap-northeast-2", "S3"), "3.5.136.0/22": ("ap-northeast-2", "EC2")}
    for day, region in ((EARLY, "eu-central-1"), (LATE, "us-east-1")):  # a range moves
        put(store, "aws", aws({"18.194.0.0/15": (region, "EC2"), **others}, f"{day}-00-00-00"))
    early, _, _ = replayed(store.folder, tmp_path / "early", "--as-of", EARLY)
    arguments = ("--replayed", tmp_path / "early", "--policy", POLICY, "--data", store.folder)
    same = document("rejudge", *arguments, "--as-of", EARLY)
    assert (same["judged"]["flows"], same["changed"]["flows"]) == (len(early), 0)
    assert same["versions"]["as_of"] == EARLY
    assert any(EARLY in each for each in same["versions"]["datasets"])
    later = document("rejudge", *arguments, "--as-of", LATE)
    late, _, _ = replayed(store.folder, tmp_path / "late", "--as-of", LATE)
    places = [
        (one["attribution"]["countries"], one["attribution"]["certainty"])
        != (two["attribution"]["countries"], two["attribution"]["certainty"])
        for one, two in zip(early, late, strict=True)
    ]
    assert later["changed"]["flows"] == sum(places) > 0


def test_what_was_recorded_without_a_policy_was_not_judged(tmp_path: Path) -> None:
    inventory = [replace(each, outcome=None, rule=None, severity=None, reasons=()) for each in decisions()]
    said = document("rejudge", written(tmp_path / "inventory.jsonl", inventory), "--policy", POLICY)
    assert said["was"] == {"not judged": said["judged"]}
    assert said["would_be"] == document("rejudge", DEMO, "--policy", POLICY)["was"]
    assert said["other_outcome"]["flows"] == 32


def test_hostile_lines_are_counted_and_the_rest_is_judged(tmp_path: Path) -> None:
    good = DEMO.read_bytes().splitlines(keepends=True)
    bad = [
        b"\n", b"{}\n", b"[" * 100_000 + b"\n", b'{"ts_ns":1}\n', b"\xff\xfe\n", b"null\n",
        good[0].replace(b'"bytes_up":2204', b'"bytes_up":"many"'), good[0][:100],
    ]  # fmt: skip
    path = tmp_path / "hostile.jsonl"
    path.write_bytes(b"".join([*good, b"x" * 2_000_000 + b"\n", *bad]))
    result = run("rejudge", path, "--policy", POLICY, "--json")
    said = json.loads(result.stdout)
    assert result.exit_code == 4
    assert (said["judged"]["flows"], said["complete"]) == (32, False)
    assert said["input"]["problems"] == {"malformed": len(bad), "too-long": 1}
    text = run("rejudge", path, "--policy", POLICY).stdout
    assert "8 records that are no decision" in text


def test_hostile_values_reach_no_terminal(tmp_path: Path) -> None:
    sample = decisions()[0]
    flow = replace(sample.connection.flow, client="10.20.1.5\x1b[31m", server="\u202egnp.exe")
    far = replace(sample, ts_ns=2**62, connection=replace(sample.connection, flow=flow, ts_ns=2**62))
    path = written(tmp_path / "hostile.jsonl", [far])
    result = run("rejudge", path, "--policy", edited(tmp_path, ("on_global: violation", "on_global: allow")))
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout
    assert "without address keep" in result.stdout


def test_out_has_a_line_for_each_flow_that_changes(tmp_path: Path) -> None:
    edit = edited(
        tmp_path, ("on_global: violation\n    on_indeterminate", "on_global: allow\n    on_indeterminate")
    )
    result = run("rejudge", DEMO, "--policy", edit, "--out", tmp_path / "out", "--json")
    lines = [json.loads(line) for line in (tmp_path / "out/rejudged.jsonl").read_text().splitlines()]
    recorded = decisions()
    assert [line["index"] for line in lines] == [0, 12, 27]
    for line in lines:
        decision = recorded[line["index"]]
        assert (line["ts_ns"], line["flow"]["client_port"]) == (
            decision.ts_ns,
            decision.connection.flow.client_port,
        )
        assert (line["was"]["outcome"], line["was"]["rule"]) == (decision.outcome, decision.rule)
        assert (line["what"], line["would_be"]["outcome"]) == ("outcome", "allow")
        assert line["reasons"][0].startswith("allowed by RES-030")
    assert (tmp_path / "out/summary.json").read_text() == result.stdout
    again = run("rejudge", DEMO, "--policy", edit, "--out", tmp_path / "again", "--json")
    assert again.stdout == result.stdout
    assert (tmp_path / "again/rejudged.jsonl").read_bytes() == (tmp_path / "out/rejudged.jsonl").read_bytes()


ENDINGS: list[tuple[str, list[str | Path], int, str]] = [
    ("violations", [DEMO, "--policy", POLICY], 1, ""),
    ("none", [ROOT / "pcaps/bedrock-sovereign/decisions.jsonl", "--policy", POLICY], 0, ""),
    ("a replay's folder", ["--replayed", DEMO.parent, "--policy", POLICY], 1, ""),
    ("no policy", [DEMO], 2, "Missing option '--policy'"),
    ("nothing to read", ["--policy", POLICY], 2, "name a ledger, or --replayed DIR"),
    ("both", [DEMO, "--replayed", DEMO.parent, "--policy", POLICY], 2, "one of them"),
    ("no such policy", [DEMO, "--policy", "no.yaml"], 2, "no.yaml: no such file"),
    ("no such ledger", ["no-ledger", "--policy", POLICY], 3, "no-ledger: no such file"),
    ("no such replay", ["--replayed", "none", "--policy", POLICY], 3, "none: no such file"),
    ("no ledger", [ROOT / "docs", "--policy", POLICY], 3, "no ledger"),
    ("no decisions", ["--replayed", POLICY, "--policy", POLICY], 3, "no line of it is a decision"),
    (
        "contradiction",
        [DEMO, "--policy", POLICY, "--as-recorded", "--as-of", EARLY],
        2,
        "leaves no use for --as-of",
    ),
    ("no store", [DEMO, "--policy", POLICY, "--data", "no-store", "--as-of", EARLY], 2, "no-store"),
    ("a day", [DEMO, "--policy", POLICY, "--as-of", "yesterday"], 2, "write it as 2026-03-10"),
    (
        "into the input",
        ["--replayed", DEMO.parent, "--policy", POLICY, "--out", DEMO.parent],
        2,
        "not altered",
    ),
    (
        "a file for a folder",
        [DEMO, "--policy", POLICY, "--out", ROOT / "Makefile"],
        2,
        "choose another --out",
    ),
]


@pytest.mark.parametrize(
    ("arguments", "status", "said"), [each[1:] for each in ENDINGS], ids=[each[0] for each in ENDINGS]
)
def test_how_it_ends(arguments: list[str | Path], status: int, said: str) -> None:
    result = run("rejudge", *arguments)
    assert result.exit_code == status, result.output
    assert said in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_it_fits_the_terminal(columns: int, tmp_path: Path) -> None:
    (tmp_path / "decisions.jsonl").write_bytes(DEMO.read_bytes())
    edit = edited(tmp_path, ("[10.40.0.0/16]", "[10.99.0.0/16]"), ("allow_in: [EEA]", "allow_in: [EEA+CH]"))
    result = run("rejudge", tmp_path / "decisions.jsonl", "--policy", edit, columns=columns)
    assert len(result.stdout.splitlines()) > 40
    assert max(map(len, result.stdout.splitlines())) <= columns
