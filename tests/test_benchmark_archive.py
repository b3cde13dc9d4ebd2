"""``benchmarks/archive.py`` makes as many rows as it says, and measures every question."""

from pathlib import Path

import msgspec
import pytest

from benchmarks import archive
from benchmarks.harness.archive_rows import SHARES, pieces, write
from monitor.commands.query import questions
from tests.archive_kit import column_names, read


def test_the_rows_are_as_many_as_asked_for() -> None:
    made = list(pieces(200_000, 365))
    assert sum(piece.rows for piece in made) == pytest.approx(200_000, rel=0.02)
    assert {piece.place.payload_class for piece in made} == set(SHARES)
    assert len({piece.place.tenant for piece in made}) == 30
    periods = {piece.place.period for piece in made}
    assert {"2025-03", "2026-02"} < periods
    assert "2026-03-10" in periods
    assert len({piece.seed for piece in made}) == len(made)


def test_a_part_is_as_the_archive_writes_it(tmp_path: Path) -> None:
    piece = next(piece for piece in pieces(200_000, 365) if piece.place.payload_class == "violation")
    part = write(tmp_path, piece)
    found = read(tmp_path / part.path)
    assert len(found) == part.rows == piece.rows
    assert list(found[0]) == column_names("decisions")
    assert {row["outcome"] for row in found} == {"violation"}
    assert {row["tenant"] for row in found} == {"tenant-00"}
    assert write(tmp_path, piece) == part


def test_it_prints_and_writes_what_it_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.json"
    words = ["--rows", "300", "--days", "1", "--repeat", "1", "--folder", str(tmp_path), "--json", str(out)]
    assert archive.main([*words, "--question", "uploads", "--question", "coverage"]) == 0
    printed = capsys.readouterr().out
    report = msgspec.json.decode(out.read_bytes())
    assert [line["question"] for line in report["lines"]] == ["coverage", "uploads"]
    for line in report["lines"]:
        assert f"| {line['question']} | {line['cost']['wall_seconds']:.2f} |" in printed
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]
    assert len(questions()) > len(report["lines"])


@pytest.mark.parametrize("wrong", [["--rows", "0"], ["--days", "0"], ["--repeat", "0"], ["--question", "x"]])
def test_what_it_refuses(wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        archive.main(wrong)
