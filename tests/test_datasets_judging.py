"""Published ranges of a store in judgement: what they agree with, and contradict, by the day."""

import json
from pathlib import Path
from typing import Any

import pytest

from monitor import app
from monitor.datasets.store import Store
from monitor.datasets.use import DataChoice
from tests.datasets_kit import aws, put, real_store
from tests.test_datasets_commands import EARLY, FRANKFURT, LATE, POLICY, replayed, run

BEDROCK = "bedrock-runtime.eu-central-1.amazonaws.com"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store in which a range moves from Frankfurt to Virginia."""
    store = Store(tmp_path / "store")
    others = {"3.5.140.0/22": ("ap-northeast-2", "S3"), "3.5.136.0/22": ("ap-northeast-2", "EC2")}
    for day, region in ((EARLY, "eu-central-1"), (LATE, "us-east-1")):
        ranges = {"18.194.0.0/15": (region, "EC2"), **others}
        put(store, "aws", aws(ranges, f"{day}-00-00-00"))
    return store.folder


def answer(*args: str | Path) -> dict[str, Any]:
    """Return what explain says."""
    found: dict[str, Any] = json.loads(run("explain", "--json", *args).stdout)
    return found


def test_a_name_is_held_against_the_ranges_of_the_day(folder: Path) -> None:
    early = answer(BEDROCK, "--address", FRANKFURT, "--data", folder, "--as-of", EARLY)
    assert (early["certainty"], early["conflicts"]) == ("observed", [])
    assert "that agrees" in next(each["says"] for each in early["evidence"] if each["kind"] == "range")
    late = answer(BEDROCK, "--address", FRANKFURT, "--data", folder)
    assert late["certainty"] == "indeterminate"
    (conflict,) = late["conflicts"]
    assert (conflict["kind"], conflict["value"]) == ("range", "18.194.0.0/15")
    assert "for us-east-1 (US) (EC2); that contradicts eu-central-1 (DE)" in conflict["says"]
    assert LATE in conflict["dataset"]


def test_a_capture_is_judged_by_the_ranges_of_the_day(folder: Path, tmp_path: Path) -> None:
    early, early_summary, _ = replayed(folder, tmp_path / "early", "--as-of", EARLY)
    late, late_summary, _ = replayed(folder, tmp_path / "late")
    differing = {
        one["connection"]["flow"]["server"]
        for one, two in zip(early, late, strict=True)
        if one["attribution"] != two["attribution"]
    }
    assert differing == {FRANKFURT}
    assert (early_summary["versions"]["as_of"], late_summary["versions"]["as_of"]) == (EARLY, None)


def test_the_ranges_are_where_llms_may_be_hosted(folder: Path) -> None:
    known = app.load_knowledge(choice=DataChoice(folder))
    assert known.hosting == ("3.5.136.0/21", "18.194.0.0/15")  # joined where they meet
    assert known.aids().hosting == known.hosting
    assert app.load_knowledge(choice=DataChoice(folder)).hosting == known.hosting  # as it was kept
    assert not app.load_knowledge(Path(POLICY)).hosting


def test_the_real_ranges_are_joined(tmp_path: Path) -> None:
    known = app.load_knowledge(choice=DataChoice(real_store(tmp_path).folder))
    assert known.ranges is not None
    assert 5_000 < len(known.hosting) < 100_000
    for address in ("160.79.104.10", "104.18.32.47", "2606:4700::1"):
        assert known.ranges.find(address) is not None
