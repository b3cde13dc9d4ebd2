"""``benchmarks/flow_table.py``: what a flow costs, and that a flood's sums close, on small captures."""

from pathlib import Path

import msgspec
import pytest

from benchmarks import drain_engine, flow_table, make_traffic
from benchmarks.harness import flow_command, flow_memory
from benchmarks.harness.flow_memory import Flood, measure_flood, measure_memory
from benchmarks.harness.measure import ChildFailedError
from sensors import native

FLOWS, LIMIT = 3_000, 500
needs_native = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)


@pytest.fixture(scope="module")
def concurrent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flows") / "concurrent.pcap"
    make_traffic.main(["--concurrent", str(FLOWS), "--out", str(path)])
    return path


@pytest.fixture(scope="module")
def flood(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flows") / "flood.pcap"
    make_traffic.main(["--syn-flood", str(FLOWS), "--out", str(path)])
    return path


@pytest.fixture
def floor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a stand-in in the floor's place: Rust is not built for tests. It counts as the generator does."""
    program = tmp_path / "floor"
    said = '{"flows": %d, "packets": %d, "peak_bytes": 1000000}'
    program.write_text(
        "#!/bin/sh\ncase $1 in\n"
        f"*empty*) echo '{said % (0, 0)}' ;;\n"
        f"*concurrent*) echo '{said % (FLOWS, 2 * FLOWS)}' ;;\n"
        f"*) echo '{said % (FLOWS, FLOWS)}' ;;\nesac\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(flow_memory, "FLOOR_PROGRAM", program)
    monkeypatch.setattr(flow_command, "floor_missing", str)


@needs_native
@pytest.mark.usefixtures("floor")
def test_a_flood_is_kept_within_the_limit(flood: Path) -> None:
    result = measure_flood(flood, LIMIT)
    assert (result.flows, result.packets) == (FLOWS, FLOWS)
    assert (result.evicted, result.evicted_records) == (FLOWS - LIMIT, FLOWS - LIMIT)
    assert (result.records, result.recorded_packets) == (FLOWS, FLOWS)
    assert result.closes


@needs_native
@pytest.mark.usefixtures("floor")
def test_memory_of_open_flows(concurrent: Path) -> None:
    engine, bare = measure_memory(concurrent)
    assert (engine.flows, bare.flows) == (FLOWS, FLOWS)
    assert engine.peak_bytes > engine.empty_bytes > 1_000_000
    assert engine.bytes_a_flow == (engine.peak_bytes - engine.empty_bytes) / FLOWS
    assert bare.bytes_a_flow == 0


@needs_native
@pytest.mark.usefixtures("floor")
def test_the_command_prints_both_tables(
    concurrent: Path, flood: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "flows.json"
    both = ["--concurrent", str(concurrent), "--syn-flood", str(flood), "--limit", str(LIMIT)]
    assert flow_table.main([*both, "--json", str(out)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[4].startswith(f"| engine native, to encoded observations | {FLOWS:,} | ")
    assert printed[-1].endswith(f" | {FLOWS - LIMIT:,} | {FLOWS:,} | yes |")
    written = msgspec.json.decode(out.read_bytes())
    assert (len(written["memory"]), written["flood"]["records"]) == (2, FLOWS)


@pytest.mark.parametrize(
    "lost", [{"records": 9}, {"recorded_packets": 9}, {"evicted": 9}, {"evicted_records": 9}]
)
def test_a_flood_that_does_not_close_is_said(
    lost: dict[str, int], flood: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = Flood(4, 10, 10, 1, evicted=6, evicted_records=6, records=10, recorded_packets=10)
    assert whole.closes
    broken = msgspec.structs.replace(whole, **lost)
    assert not broken.closes
    monkeypatch.setattr(flow_command, "measure_flood", lambda *_: broken)
    monkeypatch.setattr(flow_command, "native_missing", str)
    monkeypatch.setattr(flow_command, "floor_missing", str)
    assert flow_table.main(["--syn-flood", str(flood)]) == 1
    assert capsys.readouterr().out.endswith("| NO |\n")


def test_what_is_lacking_is_said(
    flood: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(flow_command, "native_missing", lambda: "not built: make native")
    assert flow_table.main(["--syn-flood", str(flood)]) == 2
    assert capsys.readouterr().err.endswith("are needed: not built: make native\n")

    def fail(*_: object) -> Flood:
        raise ChildFailedError("status 9: gone")

    monkeypatch.setattr(flow_command, "native_missing", str)
    monkeypatch.setattr(flow_command, "floor_missing", str)
    monkeypatch.setattr(flow_command, "measure_flood", fail)
    assert flow_table.main(["--syn-flood", str(flood)]) == 1
    assert capsys.readouterr().err == "flow_table: status 9: gone\n"


def test_records_are_counted_by_the_reference_engine_too(
    flood: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert drain_engine.main([str(flood), "--engine", "dpkt", "--flows", str(LIMIT), "--records"]) == 0
    said = msgspec.json.decode(capsys.readouterr().out)
    assert (said["packets"], said["counters"]["evicted-flows"]) == (FLOWS, FLOWS - LIMIT)
    assert said["records"] == {"flows": FLOWS, "evicted": FLOWS - LIMIT, "packets": FLOWS}


def test_only_the_native_engine_hands_over_encoded_batches(flood: Path) -> None:
    with pytest.raises(SystemExit, match="only the engine native"):
        drain_engine.main([str(flood), "--engine", "dpkt", "--encoded"])
