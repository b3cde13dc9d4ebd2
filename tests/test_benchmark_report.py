"""``benchmarks/report.py`` makes what it says, and prints all that it measured."""

import importlib.util
from pathlib import Path

import msgspec
import pytest

from benchmarks import report
from benchmarks.harness.report_folder import make_folder
from monitor.report.reading import Question, gather
from monitor.types import Decision


def test_the_folder_is_what_a_replay_leaves(tmp_path: Path) -> None:
    size = make_folder(tmp_path, 200)
    lines = (tmp_path / "decisions.jsonl").read_bytes().splitlines()
    found = [msgspec.json.decode(line, type=Decision) for line in lines]
    assert len({(each.ts_ns, each.connection.flow.order()) for each in found}) == 200
    assert all(each.ts_ns == each.connection.ts_ns for each in found)
    assert size == sum(len(line) + 1 for line in lines)
    assert 1_500 < size / 200 < 2_500
    facts = gather(Question((tmp_path,)))
    assert (facts.related.flows, facts.inputs[0].problems) == (200, {})
    assert facts.seen.complete
    assert all(each.references for each in facts.findings)


def test_it_prints_and_writes_what_it_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.json"
    words = ["--connections", "100", "--repeat", "1", "--folder", str(tmp_path), "--json", str(out)]
    assert report.main(words) == 0
    printed = capsys.readouterr().out
    said = msgspec.json.decode(out.read_bytes())
    titles = [line["title"] for line in said["lines"]]
    has_page = importlib.util.find_spec("monitor.report.page") is not None
    assert titles[1:] == ["facts", *(["facts and page", "residency report"] if has_page else [])]
    assert not has_page or f"; a page of {said['page_bytes']:,} bytes; medians" in printed
    for line in said["lines"]:
        assert f"| {line['title']} | {line['cost']['wall_seconds']:.2f} |" in printed
        assert line["cost"]["peak_bytes"] > 0
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


@pytest.mark.parametrize("wrong", [["--connections", "0"], ["--repeat", "0"], ["--folder", "/nowhere"]])
def test_what_it_refuses(wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        report.main(wrong)
