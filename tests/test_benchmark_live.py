"""``benchmarks/live.py`` and ``soak.py``: the search, what metrics say, the tables, a tiny run of each."""

import json
import math
from pathlib import Path

import msgspec
import pytest

from benchmarks import live, make_traffic, soak
from benchmarks.harness.report import machine
from benchmarks.wire import cable, sending
from benchmarks.wire.contenders import Seen, seen_by_us
from benchmarks.wire.latency import Latency
from benchmarks.wire.report import Line, Report, tables
from benchmarks.wire.scraping import Between, Histogram, parse
from benchmarks.wire.search import Plan, search
from benchmarks.wire.sending import Sent
from benchmarks.wire.soaking import Sample, flatness
from benchmarks.wire.trial import Trial
from sensors import native

PLAN = Plan(search_seconds=1, hold_seconds=2, beyond_seconds=1, steps=8)
MISSING = cable.missing() or sending.missing() or native.MISSING
needs_a_wire = pytest.mark.skipif(bool(MISSING), reason=f"no live benchmark here: {MISSING}")

METRICS = """\
# HELP residency_packets_total Packets read.
residency_packets_total{sensor="a"} 90.0
residency_lost_packets_total{reason="ring",sensor="a"} 10.0
residency_lost_packets_total{reason="table",sensor="a"} 3.0
residency_lost_packets_total{reason="decode",sensor="a"} 0
residency_verdict_latency_seconds_bucket{sensor="a",le="0.001"} 2
residency_verdict_latency_seconds_bucket{sensor="a",le="0.005"} 9
residency_verdict_latency_seconds_bucket{sensor="a",le="+Inf"} 10
"""


def trial(rate: float, wanted: float, seconds: float, most: float) -> Trial:
    """A trial of something that holds ``most`` packets a second."""
    packets = int(rate * seconds)
    lost = max(0, packets - int(most * seconds))
    sent = Sent(packets, packets * 100, 0, 0, seconds, 0.1, 0)
    return Trial(wanted, sent, packets, Seen(packets - lost, lost), 0.5 * seconds, 20_000_000)


@pytest.mark.parametrize(
    ("most", "longer", "held", "by_sender"),
    [
        (300.0, 300.0, 300, False),
        (300.0, 280.0, 280, False),
        (2_000.0, 2_000.0, 1_000, True),
        (0.0, 0.0, 0, False),
    ],
)
def test_search_finds_what_is_held(most: float, longer: float, held: int, by_sender: bool) -> None:  # noqa: FBT001
    """The sender has 1,000 packets/s; for longer times less may be held."""
    asked = []

    def attempt(wanted: float, seconds: float, stalled_seconds: float) -> Trial:
        asked.append((wanted, seconds, stalled_seconds))
        return trial(min(wanted or 1_000.0, 1_000.0), wanted, seconds, longer if seconds == 2 else most)

    result = search(attempt, PLAN)

    assert result.by_sender == by_sender
    assert (result.held.sent.rate if result.held else 0) == pytest.approx(held, rel=0.06)
    assert all(each.closes for each in result.trials)
    assert len(result.trials) == len(asked)
    assert asked[-1][1:] == (1, 0.5 if by_sender else 0.0)


def test_metrics_are_read() -> None:
    scraped = parse(METRICS)
    assert seen_by_us(scraped) == Seen(90, 10, {"table": 3})
    histogram = scraped.histogram("residency_verdict_latency_seconds")
    assert histogram == Histogram((0.001, 0.005, math.inf), (2, 7, 1))
    assert (histogram.quantile(0.2), histogram.quantile(0.5)) == (Between(0, 0.001), Between(0.001, 0.005))
    assert histogram.quantile(0.99) == Between(0.005, math.inf)
    assert histogram.share_up_to(0.005) == 0.9
    assert histogram.since(histogram).quantile(0.5) is None


def test_what_is_not_said_is_not_known() -> None:
    whole = trial(100, 100, 1, 200)
    silent = msgspec.structs.replace(whole, seen=Seen(90, None))
    wrong = msgspec.structs.replace(whole, seen=Seen(90, 9))
    elsewhere = msgspec.structs.replace(whole, seen=Seen(100, 0, {"shed": 1}))
    assert [each.closes for each in (whole, silent, wrong, elsewhere)] == [True, None, False, True]
    assert [each.is_held for each in (whole, silent, wrong, elsewhere)] == [True, False, False, False]


def test_tables_say_what_was_found() -> None:
    held, beyond = trial(500, 500, 2, 500), trial(1_000, 1_000, 1, 600)
    result = search(lambda wanted, seconds, _: trial(wanted or 900, wanted, seconds, 300), PLAN)
    result = msgspec.structs.replace(result, held=held, beyond=beyond, trials=[held, beyond])
    histogram = Histogram((0.001, 0.005, math.inf), (2, 7, 1))
    latency = Latency(
        250, 10, Between(0.001, 0.005), Between(0.005, math.inf), 0.9, 99, 1, 0, 3, histogram, histogram
    )
    lines = [Line("x", result), Line("y", missing="not installed"), Line("z", error="a | b")]

    text = tables(Report("t.pcap", PLAN, machine(), lines, {"real": latency}), "x")

    assert text[5:8] == [
        "| x | 500 | 1.00 | 0.50 | 20 | 1,000 | 1,000 | 600 | 400 | 0 | yes |",
        "| y | not here | | | | | | | | not installed | |",
        "| z | failed | | | | | | | | a / b | |",
    ]
    assert text[-1] == "| real | 250 | 10 | 1 to 5 | over 5 | 90.00 % | 99.00 % | 0 |"


def test_flatness_is_the_span_by_the_median() -> None:
    sizes = (90, 100, 100, 110)
    assert flatness([Sample(0, size, 0, 0) for size in sizes]) == 0.2
    assert flatness([]) == 0.0


@pytest.mark.enable_socket
@needs_a_wire
def test_a_tiny_run_closes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture, result = tmp_path / "t.pcap", tmp_path / "result.json"
    make_traffic.main(["--packets", "3000", "--flows", "200", "--out", str(capture)])
    arguments = ["--rate", "1000", "--seconds", "1", "--only", "residency run", "--json", str(result)]

    status = live.main([str(capture), *arguments])

    assert status == 0, (capsys.readouterr(), result.read_text())
    for line in json.loads(result.read_bytes())["lines"]:
        assert line["error"] is None
        (trial,) = line["result"]["trials"]
        assert trial["arrived"] == trial["seen"]["packets"] + trial["seen"]["lost"] > 0
    assert not Path("/run/netns").is_dir() or not list(Path("/run/netns").glob("residency-bench-*"))


@pytest.mark.enable_socket
@needs_a_wire
def test_a_tiny_soak_closes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--folder", "build", "--minutes", "0.1", "--warm-up", "0", "--sample-seconds", "0.2"]
    status = soak.main(
        [*arguments, "--rate", "500", "--flood-rate", "1000", "--json", str(tmp_path / "soak.json")]
    )
    printed = capsys.readouterr().out
    assert status == 0, printed
    assert printed.count("| churn |") == 4
    assert "yes. " in printed
