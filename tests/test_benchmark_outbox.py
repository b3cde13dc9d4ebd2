"""``benchmarks/outbox.py`` writes what it says that it writes, and prints all that it measured."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from benchmarks import outbox
from benchmarks.harness.outbox_command import GROUPS, into_bare_table, into_outbox, made_events
from monitor.outbox.reading import OutboxReader


def test_both_keep_the_same_events(tmp_path: Path) -> None:
    made = made_events(GROUPS + 100)
    into_outbox(tmp_path, made, 500)
    into_bare_table(tmp_path, made, 500)
    reader = OutboxReader(tmp_path)
    kept = [parcel.event for parcel in reader.peek(0, len(made) + 1)]
    assert kept == made
    assert len({each.key for each in made}) == len(made)
    assert len(list(reader.findings())) == GROUPS
    assert reader.position() == {"acme": len(made)}
    reader.close()
    with closing(sqlite3.connect(tmp_path / "bare.db")) as bare:
        rows = bare.execute("SELECT key, body FROM bare ORDER BY seq").fetchall()
    assert rows == [(each.key, msgspec.json.encode(each)) for each in made]


def test_it_prints_and_writes_what_it_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.json"
    words = ["--events", "600", "--repeat", "1", "--folder", str(tmp_path), "--json", str(out)]
    assert outbox.main(words) == 0
    printed = capsys.readouterr().out
    report = msgspec.json.decode(out.read_bytes())
    assert [(line["title"], line["batch"]) for line in report["lines"]] == [
        ("outbox", 500),
        ("bare table (floor)", 500),
        ("outbox", 1_000),
        ("bare table (floor)", 1_000),
    ]
    for line in report["lines"]:
        assert f"| {line['title']} | {line['batch']:,} | {line['events_per_second']:,.0f} |" in printed
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("wrong", [["--events", "0"], ["--repeat", "0"]])
def test_what_it_refuses(wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        outbox.main(wrong)
