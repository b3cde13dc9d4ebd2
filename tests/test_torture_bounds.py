"""Torture of the bounds through both engines: what is given up is counted, to the last packet."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensors import native
from sensors.limits import Limits
from sensors.observations import Gap
from tests import test_hostile as hostile
from tests.hellos import client_hello
from tests.test_engines_agree import SMALL
from tests.torture_kit import ACK, ENDS, MS, RST, SYN, Ends, Said, ipv4, tcp

pytestmark = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)
NAME = "api.eu.mistral.ai"
HELLO = client_hello(NAME)
BEGUN = 200  # bytes of a hello that is left unfinished
hostile_frames = st.one_of(
    st.one_of(hostile.segments, hostile.hellos).map(lambda data: ipv4(ENDS, 6, data)),
    hostile.frames,
    st.one_of(hostile.datagrams, hostile.initials, hostile.answers).map(lambda data: ipv4(ENDS, 17, data)),
)


def client(index: int) -> Ends:
    return Ends(client_port=1_024 + index)


@pytest.mark.parametrize("table", [1, 50, 3_000])
def test_a_syn_flood_meets_a_table_that_holds(table: int, tmp_path: Path) -> None:
    flood = 2_000
    said = Said(
        (tcp(7, flags=SYN, ends=client(index)) for index in range(flood)), tmp_path, Limits(flows=table)
    )
    evicted = [update for update in said.flows if update.reason == "evicted"]
    assert len(said.flows) == flood
    assert len(evicted) == max(flood - table, 0)
    assert said.counters.get("evicted-flows", 0) == len(evicted)
    gaps = [each for each in said.all if isinstance(each, Gap)]
    assert sum(gap.packets for gap in gaps if gap.reason == "table") == len(evicted)
    order = [update.flow.client_port for update in evicted]
    assert order == sorted(order)  # the longest-silent first


def test_a_flow_that_speaks_survives_the_flood(tmp_path: Path) -> None:
    frames = [tcp(1, flags=SYN, ends=client(0))]
    for index in range(1, len(HELLO) + 1):
        frames += [tcp(7, flags=SYN, ends=client(2 * index)), tcp(7, flags=SYN, ends=client(2 * index + 1))]
        frames.append(tcp(1 + index, HELLO[index - 1 : index], ends=client(0)))
    said = Said(frames, tmp_path, Limits(flows=4))
    assert said.hellos == [(NAME, True)]


def test_the_budget_of_reading_gives_up_the_oldest(tmp_path: Path) -> None:
    flows, budget = 100, 10
    begun = [
        frame
        for index in range(flows)
        for frame in (tcp(1, flags=SYN, ends=client(index)), tcp(2, HELLO[:BEGUN], ends=client(index)))
    ]
    ends = [tcp(2 + BEGUN, HELLO[BEGUN:], ends=client(index)) for index in range(flows - budget // 2, flows)]
    limits = Limits(reading_bytes=BEGUN * budget)
    said = Said(begun + ends, tmp_path, limits)
    whole = [name for name, complete in said.hellos if complete]
    assert said.counters["reading-given-up"] >= flows - budget
    assert len(whole) + said.counters["reading-given-up"] + said.counters.get("incomplete-hellos", 0) == flows
    assert whole


def test_a_flow_that_ended_leaves_the_budget_alone(tmp_path: Path) -> None:
    ended, goes_on = client(0), client(1)
    frames = [
        tcp(1, flags=SYN, ends=ended),
        tcp(1, flags=SYN, ends=goes_on),
        tcp(2, HELLO[:BEGUN], ends=ended),
        tcp(2 + BEGUN, flags=RST, ends=ended),
        tcp(2, ends=goes_on),  # the other flow is out of the table by now
        tcp(2, HELLO[:BEGUN], ends=goes_on),
        tcp(2 + BEGUN, HELLO[BEGUN : 2 * BEGUN], ends=goes_on),  # too much: it is given up
        tcp(2 + 2 * BEGUN, HELLO[2 * BEGUN :], ends=goes_on),
    ]
    said = Said(frames, tmp_path, Limits(reading_bytes=BEGUN + BEGUN // 2), apart_ns=11_000 * MS)
    assert said.counters["reading-given-up"] == 1
    assert said.hellos == [(NAME, False)]


def test_what_a_late_syn_lets_be_read_is_held_no_longer(tmp_path: Path) -> None:
    frames = [
        tcp(2, b"\0" * BEGUN, ends=client(0)),  # may be anything, as long as its beginning is not known
        tcp(1, flags=SYN, ends=client(0)),
        tcp(2, HELLO[:BEGUN], ends=client(1)),
        tcp(2 + BEGUN, HELLO[BEGUN:], ends=client(1)),
    ]
    said = Said(frames, tmp_path, Limits(reading_bytes=2 * BEGUN))
    assert "reading-given-up" not in said.counters
    assert said.counters["unknown-protocol"] == 1


@pytest.mark.parametrize("port", [443, 53])
def test_many_small_pieces_weigh_what_they_take(port: int, tmp_path: Path) -> None:
    pieces, piece_bytes = 100, 128
    ends = client(0)._replace(server_port=port)
    sender = ends.back() if port == 53 else ends
    frames = [
        tcp(1, flags=SYN, ends=ends),
        tcp(1, flags=SYN | ACK, ends=ends.back()),
        *(tcp(3 + 2 * index, b"x", ends=sender) for index in range(pieces)),
    ]
    for limit, given_up in ((piece_bytes * (pieces + 1), 0), (piece_bytes * (pieces - 1), 1)):
        said = Said(frames, tmp_path, Limits(reading_bytes=limit))
        assert said.counters.get("reading-given-up", 0) == given_up


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(hostile_frames, max_size=60), st.sampled_from([SMALL, Limits()]))
def test_any_frames(tmp_path: Path, frames: list[bytes], limits: Limits) -> None:
    Said(frames, tmp_path, limits)
