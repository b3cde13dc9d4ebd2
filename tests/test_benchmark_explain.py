"""``benchmarks/explain.py`` measures lists that are what they are called, and prints all of them."""

from pathlib import Path

import msgspec
import pytest

from benchmarks import explain
from benchmarks.harness.explain_command import name_lists
from monitor.explain import KEPT, Circumstances, Explainer
from tests.catalog_help import built_in


def test_the_lists_are_distinct_and_what_they_are_called() -> None:
    lists = name_lists(built_in(), 3_000)
    assert len(lists.mixed) == len(set(lists.mixed)) == 3_000
    assert set(lists.mixed) == {*lists.hosts, *lists.patterns, *lists.ordinary}
    assert all(built_in().match_name(name) for name in (*lists.hosts, *lists.patterns))
    explainer = Explainer(built_in())
    known = [explainer.explain(name, Circumstances()) for name in lists.ordinary]
    assert sum(answer.provider is None and not answer.possible for answer in known) > 0.9 * len(known)


def test_it_prints_and_writes_what_it_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.json"
    assert explain.main(["--names", "300", "--repeat", "1", "--json", str(out)]) == 0
    printed = capsys.readouterr().out
    report = msgspec.json.decode(out.read_bytes())
    assert report["kept_answers"] == KEPT
    assert report["lines"][0]["title"] == "explain, warm"
    for line in report["lines"]:
        assert f"| {line['title']} | {line['names_per_second']:,.0f} |" in printed
        assert len(line["runs"]) == 1


@pytest.mark.parametrize("wrong", [["--names", "2"], ["--names", str(KEPT + 1)], ["--repeat", "0"]])
def test_what_it_refuses(wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        explain.main(wrong)
