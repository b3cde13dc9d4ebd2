"""``benchmarks/sizing.py`` and ``sizing_figures.py``; and the model's parcels beside the publisher's."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmarks import fleet_publish, make_traffic, sizing, sizing_figures
from benchmarks.harness import archive_command, ledger_command, outbox_command
from benchmarks.harness.fleet_topic import KEY, Fleet, observed, published
from benchmarks.harness.report import machine
from benchmarks.harness.sizing_tables import TABLES
from benchmarks.model import profile as profiles
from benchmarks.model.figures import FILE, Figures, read_figures
from benchmarks.model.profile import profile
from monitor.fleet.parcels import decode_parcel
from monitor.load import load_catalog
from monitor.pipeline import Pipeline
from sensors import native
from sensors.interest import Interest
from sensors.publishing import LINGER_NS

SMALL = [
    "--sensors=6", "--partitions=4", "--gbit=1", "--clients=40", "--hours=26", "--absent-hours=1",
    "--step-seconds=120",
]  # fmt: skip
needs_native = pytest.mark.skipif(bool(native.MISSING), reason=str(native.MISSING))


def write(path: Path, report: msgspec.Struct) -> None:
    path.write_bytes(msgspec.json.encode(report))


@pytest.fixture(scope="module")
def interest() -> Interest:
    return Pipeline(load_catalog()).interest()


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sizing") / "t.pcap"
    make_traffic.main(["--packets", "40000", "--flows", "4000", "--out", str(path)])
    return path


@needs_native
@pytest.mark.parametrize("linger_ms", [50, 200, 2_000])
def test_the_model_predicts_the_parcels_of_the_native_publisher(
    linger_ms: int, capture: Path, interest: Interest
) -> None:
    found = profile(capture, interest, 64, linger_ms * 1_000_000)
    assert found.predicted_parcels == pytest.approx(found.parcels, rel=0.06)


@needs_native
def test_the_profile_counts_what_the_fleets_benchmark_publishes(capture: Path, interest: Interest) -> None:
    assert profiles.KEY == KEY
    found = profile(capture, interest, 64)
    topic = published(observed(capture), interest, Fleet(1, 3, LINGER_NS))
    parcels = {
        each.number: each for values in topic for each in (decode_parcel(message.value) for message in values)
    }
    spoken = [each for each in parcels.values() if each.kind in {"observations", "names"}]
    assert found.parcels == pytest.approx(len(spoken), rel=0.01)  # the other cuts at turns of its own
    assert found.observations == sum(len(msgspec.msgpack.decode(each.data)) for each in spoken)
    assert found.packets == 40_000
    assert 1.5 < found.burst < 4
    assert 1 < found.compression < 10
    assert 0 < found.names_share < 0.1
    assert found.observation_bytes == pytest.approx(
        sum(len(each.data) for each in spoken) / found.observations, rel=0.02
    )


@needs_native
def test_figures_are_measured_taken_over_and_written(
    capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fleet_publish, "RUNS", 1)
    ledger, outbox, archive = (tmp_path / name for name in ("ledger.json", "outbox.json", "archive.json"))
    on = machine()
    entries = ledger_command.Line(ledger_command.APPEND, 40_000, 50_000, [])
    write(ledger, ledger_command.Report(10, 1, 2_000.0, 25_000, 0, on, [entries]))
    events = [outbox_command.Line("outbox", 500, 1.0, speed, []) for speed in (10_000, 20_000)]
    write(outbox, outbox_command.Report(1, 1, 1, on, events))
    write(archive, archive_command.Report(10, 1, 1, 400, 1.0, on, []))
    out = tmp_path / "figures.json"
    taken = ["--ledger", str(ledger), "--outbox", str(outbox), "--archive", str(archive)]

    assert sizing_figures.main([str(capture), "--out", str(out), "--repeat", "1", *taken]) == 0

    figures, shipped = read_figures(out), read_figures(FILE)
    assert figures.ledger_entry_ns.value == 20_000
    assert figures.ledger_entry_bytes.value == 2_500
    assert figures.outbox_event_ns.value == 50_000
    assert figures.archive_row_bytes.value == 40
    assert figures.live_packet_ns == shipped.live_packet_ns
    assert figures.correlate_parcel_ns.value > 0
    assert 0 < figures.decisions_per_observation.value < 1
    assert figures.replay_gb_seconds.value > 0
    assert figures.output_decision_bytes.value > 100
    assert figures.correlate_parcel_ns.command == "python benchmarks/sizing_figures.py t.pcap"
    assert figures.archive_row_bytes.command == "python benchmarks/archive.py --rows 10"
    assert "parcels by the model: " in capsys.readouterr().out
    assert sizing.main(["--figures", str(out), *SMALL]) == 0


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "no such file"),
        (b"{", "truncated"),
        (b"[]", "Expected `object`"),
        (b'{"lines": []}', "missing required field"),
    ],
)
def test_files_that_are_no_figures_of_others(
    content: bytes | None, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, capture = tmp_path / "ledger.json", tmp_path / "t.pcap"
    capture.write_bytes(bytes(24))
    if content is not None:
        path.write_bytes(content)
    assert sizing_figures.main([str(capture), "--out", str(tmp_path / "out"), "--ledger", str(path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"sizing_figures: {path}: ")
    assert problem in said
    assert said.count("\n") == 1


@needs_native
@pytest.mark.parametrize("content", [b"", b"\xff" * 100])
def test_a_capture_without_any_client_is_one_line(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "t.pcap"
    path.write_bytes(content)
    assert sizing_figures.main([str(path), "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err == (
        f"sizing_figures: {path}: no client is observed there; name a capture with connections\n"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (sizing.main, ["--captures-tb", "1", "--json", "/nowhere/out"]),
        (sizing.main, ["--captures-tb", "0"]),
        (sizing.main, ["--table", "nothing"]),
        (sizing_figures.main, [str(FILE), "--out", "/nowhere/out"]),
        (sizing_figures.main, ["/nowhere.pcap", "--out", "out"]),
        (sizing_figures.main, [str(FILE), "--out", "out", "--repeat", "0"]),
    ],
)
def test_options_that_are_refused(command: Callable[[list[str]], int], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command(arguments)
    assert ended.value.code == 2


def test_it_prints_tables_that_fit_and_writes_all_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    assert sizing.main([*SMALL, "--json", str(out)]) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 100
    report = msgspec.json.decode(out.read_bytes())
    assert report["plan"]["sensors"] == 6
    assert f"{report['outcome']['correlators']}, {report['sizes']['correlator_cores']:.1f} cores" in printed
    assert f"given up {report['outcome']['given_up']:,.0f}" in printed
    for choice in report["choices"]:
        assert re.search(rf"^ +{choice['partitions']} +{choice['hottest']:.2f} ", printed, re.MULTILINE)
    assert sizing.main([*SMALL, "--table", "needs"]) == 0
    needs = capsys.readouterr().out
    assert needs.strip() == printed.split("\n\n")[0]
    assert len(printed.split("\n\n")) == len(TABLES)


def test_it_sizes_a_replay_of_captures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.json"
    assert sizing.main(["--captures-tb", "2", "--core-hour", "1", "--gb-month", "0", "--json", str(out)]) == 0
    printed = capsys.readouterr().out
    found: dict[str, Any] = msgspec.json.decode(out.read_bytes())
    figures = read_figures(FILE)
    assert found["core_hours"] == pytest.approx(2_000 * figures.replay_gb_seconds.value / 3_600)
    assert found["cost"] == pytest.approx(found["core_hours"])
    assert found["cost_a_tb"] == pytest.approx(found["cost"] / 2)
    assert f"{found['core_hours']:,.0f} core hours" in printed
    assert found["hours"] == pytest.approx(2_000 / 10 / 3_600)


def test_what_somebody_says_stands_in_place_of_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert sizing.main([*SMALL, "--table", "needs", "--observations-per-gb", "1000"]) == 0
    assert "observations          125/s" in capsys.readouterr().out
    assert sizing.main([*SMALL, "--table", "needs", "--decisions-per-observation", "0"]) == 0
    assert "for 0 decisions/s" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (["--sensors", "0"], "--sensors: 0 is none; write a number from 1 to 10,000"),
        (["--partitions", "100000"], "--partitions: 100000 is none"),
        (["--gbit", "nan"], "--gbit: nan is none"),
        (["--skew", "-1"], "--skew: -1.0 is none"),
        (["--correlators", "65"], "--correlators: 65; write 1 to 64, or 0: as are needed"),
        (["--sensors", "3", "--absent", "3"], "--absent: 3; there are sensors 0 to 2"),
        (["--sensors", "10000", "--clients", "60000"], "--clients: more than 5,000,000 in all"),
        (["--hours", "10000", "--step-seconds", "1"], "--step-seconds: 36,000,000 steps"),
        (["--event-share", "-1"], "--event-share: -1.0; write 0 or more"),
        (["--broker-mb", "0"], "--broker-mb: 0.0; write a number above 0"),
        (["--read-gb", "0"], "--read-gb: 0.0; write a number above 0"),
        (["--figures", "/nowhere.json"], "/nowhere.json: no such file or directory; name a file of figures"),
        (["--observations-per-gb", "-5"], "observations_per_gb: -5.0 is no figure"),
    ],
    ids=str,
)
def test_what_it_refuses(wrong: list[str], problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert sizing.main(wrong) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("sizing: ")
    assert problem in said.err
    assert said.err.count("\n") == 1


def test_more_than_one_core_can_do_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert sizing.main([*SMALL, "--gbit", "100", "--observations-per-gb", "1000000"]) == 1
    assert "write more --partitions, or less --gbit" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{}", "missing required field"),
        ("{", "truncated"),
        ('{"x": 1}', "unknown field"),
        ("NEGATIVE", "-1.0 is no"),
    ],
)
def test_files_of_figures_that_are_none(
    content: str, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "figures.json"
    negative = read_figures(FILE).with_values(compression=-1.0)
    path.write_bytes(msgspec.json.encode(negative) if content == "NEGATIVE" else content.encode())
    assert sizing.main(["--figures", str(path)]) == 2
    said = capsys.readouterr().err
    assert problem in said
    assert said.count("\n") == 1


def test_the_help_has_an_example_and_every_shipped_figure_a_source(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        sizing.main(["--help"])
    assert ended.value.code == 0
    assert "example: " in capsys.readouterr().out
    for name in Figures.__struct_fields__:
        figure = getattr(read_figures(FILE), name)
        assert figure.value > 0
        assert figure.command.startswith(("python benchmarks/", "make ", "residency "))
        assert figure.machine
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", figure.date)
