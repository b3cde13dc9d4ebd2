"""``benchmarks/ledger.py`` measures records of the size it says, and prints all of them."""

from itertools import islice
from pathlib import Path

import msgspec
import pytest

from benchmarks import ledger
from benchmarks.harness.ledger_records import records
from monitor.types import Decision


class _Payload(msgspec.Struct, forbid_unknown_fields=True):
    decision: Decision
    finding: str | None
    owner: None
    sensor: str


def test_the_records_are_decisions_of_some_2_kb() -> None:
    made = list(islice(records(1_000), 1_000))
    assert len({record.payload for record in made}) == 1_000
    for record in made:
        found = msgspec.json.decode(record.payload, type=_Payload)
        assert record.payload_class == found.decision.outcome
        assert 1_800 < len(record.payload) < 2_600
    assert {record.payload_class for record in made} > {"allow", "violation"}


def test_it_prints_and_writes_what_it_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.json"
    options = ["--entries", "500", "--batch", "100", "--repeat", "1", "--folder", str(tmp_path)]
    assert ledger.main([*options, "--json", str(out)]) == 0
    printed = capsys.readouterr().out
    report = msgspec.json.decode(out.read_bytes())
    assert [line["title"].split(",")[0] for line in report["lines"]] == [
        "append", "floor: the same bytes to one file", "verify", "floor: SHA-256 of the same files",
    ]  # fmt: skip
    for line in report["lines"]:
        assert f"| {line['title']} | {line['entries_per_second']:,.0f} |" in printed
        assert len(line["runs"]) == 1
    assert report["ledger_bytes"] > 500 * report["payload_bytes"]
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


@pytest.mark.parametrize(
    "wrong", [["--entries", "0"], ["--batch", "0"], ["--repeat", "0"], ["--folder", "/nowhere"]]
)
def test_what_it_refuses(wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        ledger.main(wrong)
