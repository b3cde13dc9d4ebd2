"""The cases of pcaps/: what they give is written down beside them, and closed in every count."""

from pathlib import Path

import msgspec
import pytest

from monitor import app
from monitor.counts import total
from monitor.coverage import CONCEALMENTS
from monitor.replaying import Reading, replay
from pcaps import golden
from sensors.engine import open_sensor
from sensors.observations import Accounting, Count, FlowUpdate

CASES = golden.cases()


def test_there_are_cases() -> None:
    assert len(CASES) >= 30


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_observations(case: Path) -> None:
    assert b"".join(golden.observations(case)) == (case / "observations.jsonl").read_bytes()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_decisions(case: Path) -> None:
    assert b"".join(golden.decisions(case)) == (case / "decisions.jsonl").read_bytes()


@pytest.mark.parametrize("engine", ["dpkt", "auto"])
@pytest.mark.parametrize("case", [*filter(golden.has_behaviours, CASES)], ids=lambda case: case.name)
def test_behaviours(case: Path, engine: str) -> None:
    assert golden.behaviours(case, engine) == (case / "behaviours.jsonl").read_bytes() != b""


def added(counts: dict[str, Count]) -> Count:
    """Return the sum of counts."""
    return Count(
        sum(count.packets for count in counts.values()), sum(count.bytes for count in counts.values())
    )


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_accounting_closes(case: Path) -> None:
    sensor = open_sensor([golden.traffic(case)])
    flows = [each for batch in sensor for each in batch if isinstance(each, FlowUpdate) and each.final]
    accounting: Accounting = sensor.accounting()
    decoded, undecoded = added(accounting.decoded), added(accounting.undecoded)
    assert decoded.packets + undecoded.packets == accounting.read.packets
    assert decoded.bytes + undecoded.bytes == accounting.read.bytes
    in_flows = sum(flow.packets_up + flow.packets_down for flow in flows)
    fragmented = case.name == "fragmented-dns"  # several packets make one datagram there
    carried = accounting.decoded.get("tcp", Count()).packets + accounting.decoded.get("udp", Count()).packets
    assert in_flows < carried if fragmented else in_flows == carried

    summary = replay([golden.traffic(case)], app.load_knowledge(golden.POLICY), Reading("dpkt")).summary
    assert summary.connections.flows == sum(count.flows for count in summary.coverage.values())
    assert summary.coverage["concealing"] == total(summary.concealing.values())
    assert summary.connections.flows + summary.lookups.flows == len(flows)
    assert summary.connections.bytes_up + summary.lookups.bytes_up == sum(flow.bytes_up for flow in flows)
    assert summary.connections.bytes_down + summary.lookups.bytes_down == sum(
        flow.bytes_down for flow in flows
    )
    assert summary.outcomes is not None
    assert summary.llm_related.flows == sum(count.flows for count in summary.outcomes.values())
    assert summary.llm_related.flows == sum(row.count.flows for row in summary.destinations)


@pytest.mark.parametrize(
    ("case", "wanted"),
    [
        ("encrypted-dns", {"doh": 2, "dot": 1, "doq": 1, "vpn": 0, "relay": 0}),
        ("vpn-and-relay", {"doh": 0, "dot": 0, "doq": 0, "vpn": 1, "relay": 2}),
        ("demo", dict.fromkeys(CONCEALMENTS, 0)),
    ],
)
def test_what_conceals_is_counted_by_kind(case: str, wanted: dict[str, int]) -> None:
    summary = replay([golden.traffic(golden.PCAPS / case)], app.load_knowledge(), Reading("dpkt")).summary
    assert {kind: count.flows for kind, count in summary.concealing.items()} == wanted


def test_the_summary_says_the_same_as_its_json() -> None:
    summary = replay([golden.traffic(CASES[0])], app.load_knowledge(), Reading("dpkt")).summary
    assert msgspec.json.decode(msgspec.json.encode(summary), type=type(summary)) == summary
