"""``benchmarks/run.py`` compares names with the truth, and shows what failed as failed."""

import sys
from pathlib import Path

import msgspec
import pytest

from benchmarks import make_traffic, run
from benchmarks.harness.command import Program, look_at_names, measure
from benchmarks.harness.measure import ChildFailedError, Cost, medians, run_once
from benchmarks.harness.names import Found, Truth, compare
from benchmarks.harness.report import Line, report, table

ONE = ("10.20.0.1", 40_000, "192.0.2.1", 443, "api.openai.com")
TWO = ("10.20.0.1", 40_001, "192.0.2.2", 443, "www.example.org")
THREE = ("10.20.0.1", 40_002, "192.0.2.2", 443, "nobody.example.org")
TRUTH = Truth(packets=100, said=frozenset([ONE, TWO]), said_to_llms=frozenset([ONE]))


def test_all_runners_on_a_small_capture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture, result = tmp_path / "t.pcap", tmp_path / "result.json"
    make_traffic.main(["--packets", "3000", "--flows", "200", "--out", str(capture)])

    status = run.main([str(capture), "--repeat", "1", "--json", str(result)])

    printed = capsys.readouterr().out.splitlines()
    lines = msgspec.json.decode(result.read_bytes())["lines"]
    assert [(line["title"], line["error"]) for line in lines if line["error"]] == []
    assert status == 0
    assert [row.split(" | ")[0] for row in printed[4:]] == [f"| {line['title']}" for line in lines]
    engine = lines[2]["names"]
    assert (engine["right"], engine["there"], engine["invented"]) == (94, 94, 0)
    assert printed[6].endswith("| 94 of 94 |")


@pytest.mark.parametrize(
    ("seen", "llm_only", "found"),
    [
        (set(), False, Found(0, 2, 0)),
        ({ONE, TWO}, False, Found(2, 2, 0)),
        ({ONE, TWO}, True, Found(1, 1, 0)),
        ({TWO, THREE}, False, Found(1, 2, 1)),
        ({TWO, THREE}, True, Found(0, 1, 1)),
    ],
)
def test_names_are_counted(seen: set[tuple[str, int, str, int, str]], llm_only: bool, found: Found) -> None:  # noqa: FBT001
    assert compare(seen, TRUTH, llm_only=llm_only) == found


def test_a_failure_keeps_the_last_words(tmp_path: Path) -> None:
    dying = (sys.executable, "-c", "import sys; sys.exit('first\\nlast | word')")
    with pytest.raises(ChildFailedError, match=r"^status 1: last \| word$"):
        run_once(dying)
    with pytest.raises(ChildFailedError, match="No such file or directory"):
        run_once([str(tmp_path / "absent")])
    assert run_once(dying, good_statuses=(0, 1)).wall_seconds > 0


def test_a_failed_line_is_shown_with_its_reason(tmp_path: Path) -> None:
    capture = tmp_path / "t.pcap"
    capture.write_bytes(bytes(24))
    dying = Program("dying", (sys.executable, "-c", "raise SystemExit('a | b')"))

    text = table(report(capture, None, [measure(dying, 2)], 0), "dying")

    assert text.splitlines()[-1] == "| dying | failed | | | | | status 1: a \\| b |"


def test_a_failure_while_naming_is_a_failure() -> None:
    def fail(_: Path) -> set[tuple[str, int, str, int, str]]:
        raise ChildFailedError("status 3: gone")

    line = Line("x", [])
    look_at_names(Program("x", ("true",), names=fail), line, TRUTH)
    assert (line.error, line.names) == ("status 3: gone", None)


def test_table_says_what_cannot_be_known(tmp_path: Path) -> None:
    capture = tmp_path / "t.pcap"
    capture.write_bytes(bytes(24))
    runs = [Cost(1.0, 0.5, 9_000_000), Cost(3.0, 2.5, 30_000_000), Cost(2.0, 1.5, 20_000_000)]
    line = Line("x", runs, medians(runs), Found(1, 2, 1))

    small = table(report(capture, None, [line], 25_000_000), "x").splitlines()
    large = table(report(capture, TRUTH, [line], 10_000_000), "other").splitlines()

    assert small[-1] == "| x | 2.00 | 1.50 | ? | 1.00 | at most 20 | 1 of 2, 1 invented |"
    assert large[-1] == "| x | 2.00 | 1.50 | 50 | ? | 20 | 1 of 2, 1 invented |"
    assert "packets not known" in small[0]
    assert "100 packets" in large[0]
    assert "medians of 3" in large[0]
