"""``benchmarks/run.py`` compares names with the truth, and shows what failed and what is absent as that."""

import sys
from pathlib import Path

import msgspec
import pytest

from benchmarks import make_traffic, run
from benchmarks.harness import ours
from benchmarks.harness.measure import ChildFailedError, Cost, medians, run_once
from benchmarks.harness.names import Found, Truth, compare
from benchmarks.harness.ours import FLOOR, native_missing, our_programs
from benchmarks.harness.peers import FAIR
from benchmarks.harness.program import Program, Rounds, look_at_names, measure
from benchmarks.harness.report import Line, machine, report, table
from sensors import native

ONE = ("10.20.0.1", 40_000, "192.0.2.1", 443, "api.openai.com")
TWO = ("10.20.0.1", 40_001, "192.0.2.2", 443, "www.example.org")
THREE = ("10.20.0.1", 40_002, "192.0.2.2", 443, "nobody.example.org")
TRUTH = Truth(packets=100, said=frozenset([ONE, TWO]), said_to_llms=frozenset([ONE]))
MACHINE = machine()


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "t.pcap"
    path.write_bytes(bytes(24))
    return path


def test_all_runners_on_a_small_capture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture, result = tmp_path / "t.pcap", tmp_path / "result.json"
    make_traffic.main(["--packets", "3000", "--flows", "200", "--out", str(capture)])
    absent = ["--nfstream", str(tmp_path / "absent")]

    status = run.main([str(capture), "--repeat", "1", "--slow", *absent, "--json", str(result)])

    printed = capsys.readouterr().out.splitlines()
    lines = {line["title"]: line for line in msgspec.json.decode(result.read_bytes())["lines"]}
    assert [line for line in lines.values() if line["error"]] == []
    assert status == 0
    assert [row.split(" | ")[0] for row in printed[5:]] == [f"| {title}" for title in lines]
    engines = [f"engine {engine}" for engine in (["dpkt"] if native.MISSING else ["dpkt", "native"])]
    found = {title: line["names"] for title, line in lines.items() if title.startswith(tuple(engines))}
    assert len(found) == (1 if native.MISSING else 3)
    assert all(names == {"right": 94, "there": 94, "invented": 0} for names in found.values())
    assert lines["nfstream"]["missing"] == "not installed: make nfstream"
    if not native.MISSING:
        replay = lines["residency replay, to verdict"]["names"]
        assert (replay["right"], replay["invented"]) == (replay["there"], 0)


def test_native_engine_is_there_where_the_sensor_says_so() -> None:
    assert bool(native_missing()) == bool(native.MISSING)


@pytest.mark.parametrize("known", [True, False])
def test_threads_are_asked_for_where_replay_knows_them(known: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    monkeypatch.setattr(ours, "_knows_threads", lambda: known)
    monkeypatch.setattr(ours, "native_missing", str)

    one, two = our_programs(Path("t.pcap"), 2)[-2:]

    assert [one.title, two.title] == [
        "residency replay, to verdict",
        "residency replay, to verdict, 2 threads",
    ]
    assert (one.command[-2:] == ("--threads", "1"), two.command[-2:] == ("--threads", "2")) == (known, known)
    assert (one.missing, two.missing) == ("", "" if known else "this version has no --threads")
    assert [program.title for program in our_programs(Path("t.pcap"), 1)].count(two.title) == 0


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


def test_output_goes_to_a_file_where_asked(tmp_path: Path) -> None:
    run_once((sys.executable, "-c", "print('said')"), output=tmp_path / "out")
    assert (tmp_path / "out").read_text() == "said\n"


def test_programs_run_in_rounds(tmp_path: Path) -> None:
    """All run once before any runs again; a slow one in fewer rounds, one that failed no more."""
    log = tmp_path / "log"

    def program(title: str, then: str = "", *, slow: bool = False) -> Program:
        command = (sys.executable, "-c", f"open({str(log)!r}, 'a').write('{title}'); {then}")
        return Program(title, command, slow=slow)

    programs = [program("a"), program("b", "raise SystemExit('no')"), program("c", slow=True), program("d")]
    absent = program("e")._replace(missing="not installed")
    lines = measure([*programs, absent], Rounds(usual=3, slow=1))

    assert log.read_text() == "abcd" + "ad" + "ad"
    assert [len(line.runs) for line in lines] == [3, 0, 1, 3, 0]
    assert [line.cost is None for line in lines] == [False, True, False, False, True]
    assert [line.error for line in lines] == [None, "status 1: no", None, None, None]
    assert [line.missing for line in lines] == [None, None, None, None, "not installed"]


def test_a_failed_line_is_shown_with_its_reason(capture: Path) -> None:
    dying = Program("dying", (sys.executable, "-c", "raise SystemExit('a | b')"))
    absent = Program("absent", ("absent",), missing="not installed: c | d")

    text = table(report(capture, None, measure([dying, absent], Rounds(2, 0)), MACHINE, 0))

    assert text.splitlines()[-2:] == [
        "| dying | failed | | | | | | status 1: a \\| b |",
        "| absent | not here | | | | | | not installed: c \\| d |",
    ]


def test_a_failure_while_naming_is_a_failure() -> None:
    def fail(_: Path) -> set[tuple[str, int, str, int, str]]:
        raise ChildFailedError("status 3: gone")

    line = Line("x", [])
    look_at_names(Program("x", ("true",), names=fail), line, TRUTH)
    assert (line.error, line.names) == ("status 3: gone", None)


def test_table_says_what_cannot_be_known(capture: Path) -> None:
    runs = [Cost(1.0, 0.5, 9_000_000), Cost(3.0, 2.5, 30_000_000), Cost(2.0, 1.5, 20_000_000)]

    def one() -> list[Line]:
        return [Line("x", runs, medians(runs), Found(1, 2, 1))]

    small = table(report(capture, None, one(), MACHINE, 25_000_000).compared("x", FAIR)).splitlines()
    large = table(report(capture, TRUTH, one(), MACHINE, 10_000_000).compared(FLOOR, FAIR)).splitlines()

    assert small[-1] == "| x | 2.00 | 1.50 | ? | 1.00 | ? | at most 20 | 1 of 2, 1 invented |"
    assert large[-1] == "| x | 2.00 | 1.50 | 50 | ? | ? | 20 | 1 of 2, 1 invented |"
    assert "packets not known" in small[0]
    assert "100 packets" in large[0]
    assert "medians of 3" in large[0]


def test_ratios_are_of_wall_time(capture: Path) -> None:
    costs = {FLOOR: Cost(0.5, 9.0, 1), FAIR: Cost(4.0, 9.0, 1), "x": Cost(1.0, 9.0, 1)}
    lines = [Line(title, [cost], cost) for title, cost in costs.items()]
    lines.append(Line("few", [costs["x"]] * 2, costs["x"]))

    result = report(capture, TRUTH, lines, MACHINE, 0).compared(FLOOR, FAIR)

    ratios = [(line.of_floor, line.of_fair) for line in result.lines]
    assert ratios == [(1.0, 0.125), (8.0, 1.0), (2.0, 0.25), (2.0, 0.25)]
    assert "| x (runs: 1) | 1.00 | 9.00 | 100 | 2.00 | 0.25 | 0 |  |" in table(result).splitlines()
