"""`residency data`, and the commands that judge by its data sets: --data, --as-of, the summary."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from monitor.cli import group
from monitor.datasets.store import Store
from tests.datasets_kit import azure, geo, many, put, serving

ROOT = Path(__file__).parents[1]
DEMO = str(ROOT / "pcaps/demo/traffic.pcap")
POLICY = str(ROOT / "policies/eu-crm.yaml")
FRANKFURT = "18.194.71.203"  # a Bedrock server of the demo capture
EARLY, LATE = "2026-03-01", "2026-06-01"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(group, list(map(str, args)), env={"COLUMNS": "80"})


def two_dates(folder: Path) -> Path:
    """A store of two versions of GeoIP that differ in the prefix of one server, and of two of ranges."""
    store = Store(folder)
    put(store, "mmdb", geo("DE", EARLY))
    put(store, "mmdb", geo("DE", LATE, p18_194_71_0_24="FR"))
    put(store, "aws", many(50, f"{EARLY}-00-00-00"))
    put(store, "aws", many(50, f"{LATE}-00-00-00"))
    return folder


def replayed(folder: Path, out: Path, *args: str) -> tuple[list[dict[str, Any]], dict[str, Any], Result]:
    """The decisions and the summary of the demo capture."""
    result = run("replay", DEMO, "--policy", POLICY, "--data", folder, "--out", out, *args)
    lines = (out / "decisions.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines], json.loads((out / "summary.json").read_text()), result


def without_date(decision: dict[str, Any]) -> str:
    """A decision as text in which the data sets' dates do not stand."""
    return re.sub(rf"Test-Country ({EARLY}|{LATE})", "Test-Country DATE", json.dumps(decision))


def test_two_dates_differ_only_where_the_data_sets_differ(folder: Path, tmp_path: Path) -> None:
    two_dates(folder)
    early, early_summary, _ = replayed(folder, tmp_path / "early", "--as-of", "2026-03-10")
    late, late_summary, _ = replayed(folder, tmp_path / "late", "--as-of", LATE)
    assert len(early) == len(late) > 20
    differing = [
        (one["connection"]["flow"]["server"], two["connection"]["flow"]["server"])
        for one, two in zip(early, late, strict=True)
        if without_date(one) != without_date(two)
    ]
    assert differing
    assert set(differing) == {(FRANKFURT, FRANKFURT)}
    there = [one for one in early if one["connection"]["flow"]["server"] == FRANKFURT]
    assert len(differing) == len(there)

    assert early_summary["versions"]["as_of"] == "2026-03-10"
    assert late_summary["versions"]["as_of"] == LATE
    assert [text.partition(" (")[0] for text in early_summary["versions"]["datasets"]] == [
        f"aws-ip-ranges {EARLY}",
        f"Test-Country {EARLY}",
    ]
    assert all(re.search(r" \(sha256 [0-9a-f]{12}\)$", text) for text in late_summary["versions"]["datasets"])


def test_a_replay_is_the_same_every_time(folder: Path, tmp_path: Path) -> None:
    two_dates(folder)
    for name in ("one", "two"):
        replayed(folder, tmp_path / name, "--as-of", "2026-03-10")
    for file in ("decisions.jsonl", "summary.json", "connections.parquet"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_later_version_does_not_change_what_is_as_of(folder: Path, tmp_path: Path) -> None:
    two_dates(folder)
    before, _, _ = replayed(folder, tmp_path / "before", "--as-of", "2026-07-01")
    put(Store(folder), "mmdb", geo("US", "2026-08-01"))
    after, _, _ = replayed(folder, tmp_path / "after", "--as-of", "2026-07-01")
    assert before == after


def test_the_summary_says_as_of_and_which_data_sets(folder: Path) -> None:
    two_dates(folder)
    printed = run("replay", DEMO, "--data", folder, "--as-of", "2026-03-10").stdout
    assert "  as of       2026-03-10: no data set that was published later was used" in printed
    assert f"  data set    aws-ip-ranges {EARLY} (sha256 " in printed
    assert f"  data set    Test-Country {EARLY} (sha256 " in printed


def test_newer_data_sets_than_the_capture_are_said(folder: Path, tmp_path: Path) -> None:
    two_dates(folder)
    _, summary, result = replayed(folder, tmp_path / "out")
    assert summary["versions"]["as_of"] is None
    assert f"aws-ip-ranges {LATE}" in summary["versions"]["datasets"][0]
    assert (
        "residency: the captures end on 2026-03-10, and were judged by newer data sets "
        f"(aws-ip-ranges {LATE}, Test-Country {LATE}); see --as-of 2026-03-10\n"
    ) in result.stderr
    assert "newer data sets" not in run("replay", DEMO, "--data", folder, "--as-of", LATE).stderr


def test_without_a_store_nothing_changes(tmp_path: Path) -> None:
    result = run("replay", DEMO, "--policy", POLICY, "--out", tmp_path / "out")
    versions = json.loads((tmp_path / "out" / "summary.json").read_text())["versions"]
    assert (versions["datasets"], versions["as_of"]) == ([], None)
    assert result.exit_code == 1


def test_a_database_that_is_named_stands_instead_of_the_store(folder: Path, tmp_path: Path) -> None:
    two_dates(folder)
    (tmp_path / "own.mmdb").write_bytes(geo("SE", "2026-02-02"))
    summary = run("replay", DEMO, "--data", folder, "--geoip", tmp_path / "own.mmdb", "--json").stdout
    _, last = json.loads(summary)["versions"]["datasets"]
    assert last == "own.mmdb (Test-Country, 2026-02-02)"


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["replay", DEMO], "no data sets in it; fill it: residency data update"),
        (["explain", "api.openai.com"], "no data sets in it"),
        (["check", "--policy", POLICY], "no data sets in it"),
        (["crosscheck", DEMO, "--engines", "native,dpkt"], "no data sets in it"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_store_that_is_not_there_is_one_line(args: list[str], problem: str, folder: Path) -> None:
    result = run(*args, "--data", folder)
    assert result.exit_code == 2
    (line,) = [line for line in result.stderr.splitlines() if "data sets" in line]
    assert problem in line
    assert run(*args, "--as-of", "2026-03-10").exit_code == 2
    assert "is no day; write it as 2026-03-10" in run(*args, "--as-of", "yesterday").stderr


def test_the_other_commands_take_a_store(folder: Path) -> None:
    two_dates(folder)
    given = ("--data", folder, "--as-of", "2026-03-10")
    explained = run("explain", "bedrock-runtime.eu-central-1.amazonaws.com", "--address", FRANKFURT, *given)
    assert f"data set Test-Country {EARLY}" in explained.stdout.replace("\n              ", " ")
    checked = run("check", "--policy", POLICY, *given)
    assert f"data set aws-ip-ranges {EARLY} (sha256 " in checked.stdout
    assert run("crosscheck", DEMO, "--engines", "native,dpkt", *given).exit_code in (0, 2)
    early = run("explain", "api.openai.com", "--data", folder, "--as-of", "2026-01-01")
    assert "aws is not used: its oldest version is of 2026-03-01" in early.stderr


def test_import_and_status(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "ip-ranges.json").write_bytes(many(100))
    imported = run("data", "import", "aws", tmp_path / "ip-ranges.json", "--data", folder)
    assert re.match(
        r"aws +new +aws-ip-ranges 2026-03-01, 100 prefixes, sha256 [0-9a-f]{12}\n", imported.stdout
    )
    (tmp_path / "few.json").write_bytes(many(3))
    refused = run("data", "import", "aws", tmp_path / "few.json", "--data", folder)
    assert refused.exit_code == 3
    assert refused.stderr == (
        f"residency: {tmp_path}/few.json: 3 prefixes, where the version of 2026-03-01 has 100; "
        "if that is right, say --accept-shrinking\n"
    )
    status = run("data", "status", "--data", folder)
    assert status.exit_code == 4
    assert re.search(r"aws +2026-03-01 +\d+ days +100  [0-9a-f]{12}  \S+ failed\n", status.stdout)
    assert "aws failed 1 time in a row: 3 prefixes, where" in status.stdout
    said = json.loads(run("data", "status", "--json", "--data", folder).stdout)
    assert (said["sources"][0]["attempts"], said["sources"][0]["failures"]) == (2, 1)
    taken = run("data", "import", "aws", tmp_path / "few.json", "--accept-shrinking", "--data", folder)
    assert taken.exit_code == 0
    old = run("data", "status", "--stale-days", "1", "--data", folder)
    assert old.exit_code == 0
    assert "aws is old: more than 1 days" in old.stdout


@pytest.mark.parametrize(
    ("args", "status", "problem"),
    [
        (["import", "amazon", "x"], 2, "'amazon' is not one of"),
        (["import", "aws", "/nowhere/x"], 2, "/nowhere/x: no such file or directory; check the path"),
        (["import", "aws", "/"], 2, "/: is a directory; name a file in it"),
        (["import", "aws"], 2, "Missing argument"),
        (["import", "aws", POLICY, "--date", "x"], 2, "is no day"),
        (["import", "aws", POLICY], 3, "eu-crm.yaml: not JSON"),
        (["status"], 2, "no data sets in it; fill it: residency data update"),
        (["update", "--only", "amazon"], 2, "use of: aws"),
        (["update", "--mirror", "http://mirror.example"], 2, "is not HTTPS; give an address"),
        (["update", "--licence-key", "x"], 2, "set MAXMIND_ACCOUNT_ID"),
    ],
)
def test_mistakes_are_one_line(args: list[str], status: int, problem: str, folder: Path) -> None:
    result = run("data", *args, "--data", folder)
    assert result.exit_code == status, result.stderr
    assert problem in result.stderr
    assert "Traceback" not in result.stderr


def test_a_file_without_a_date_is_said_to_be_dated_today(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "ips-v4"
    path.write_text("173.245.48.0/20\n103.21.244.0/22\n", encoding="utf-8")
    undated = run("data", "import", "cloudflare", path, "--data", folder)
    assert "does not say when it was published, and is dated today" in undated.stderr
    dated = run("data", "import", "cloudflare", path, "--data", folder, "--date", EARLY)
    assert (dated.exit_code, dated.stderr) == (0, "")
    ahead = run("data", "import", "cloudflare", path, "--data", folder, "--date", "2999-01-01")
    assert "in the future; check --date" in ahead.stderr


def test_no_store_at_all() -> None:
    result = run("data", "status")
    assert result.exit_code == 2
    assert result.stderr == "residency: RESIDENCY_DATA is empty; name a folder: --data DIR\n"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("data", "import", "aws", POLICY, "--data", tmp_path / "file" / "store")
    assert result.exit_code == 2
    assert "not a directory; make room, or choose another folder: --data DIR" in result.stderr


@pytest.mark.enable_socket
def test_update(folder: Path) -> None:
    with serving() as server:
        server.files["ip-ranges.json"] = many(5)
        server.files["ServiceTags_Public.json"] = azure({"AzureCloud.westus": ("westus", ["20.52.0.0/16"])})
        args = ("data", "update", "--mirror", server.url, "--data", folder)
        good = run(*args, "--only", "aws,azure")
        assert (good.exit_code, [line.split()[:2] for line in good.stdout.splitlines()]) == (
            0,
            [["aws", "new"], ["azure", "new"]],
        )
        partly = run(*args, "--only", "aws,google", "--json")
        assert partly.exit_code == 4
        results = [json.loads(line) for line in partly.stdout.splitlines()]
        assert [(each["source"], each["result"]) for each in results] == [
            ("aws", "unchanged"),
            ("google", "failed"),
        ]
        nothing = run(*args, "--only", "google")
        assert nothing.exit_code == 3
        assert nothing.stderr == "residency: google: the server answers 404 Not Found\n"


def test_doctor_tells_the_store(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "data sets   - none: addresses are placed by the catalogue alone" in run("doctor").stdout
    two_dates(folder)
    monkeypatch.setenv("RESIDENCY_DATA", str(folder))
    said = re.sub(r"\s+", " ", run("doctor").stdout)
    assert f"data sets - in {folder}" in said
    assert re.search(rf"- aws-ip-ranges: {LATE}, \d+ days old", said)
    (folder / "index.json").write_text("damage")
    assert "damaged" in run("doctor").stdout
