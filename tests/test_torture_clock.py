"""Torture of the clock through both engines: what came before it was set anew holds nothing up."""

from pathlib import Path

import pytest

from sensors import native
from sensors.capture import Frame
from sensors.clock import MAX_JUMP_NS
from sensors.flows import SECOND_NS
from sensors.observations import FlowUpdate, Gap
from tests.captures_kit import START_NS, pcap
from tests.test_engines_agree import both
from tests.torture_kit import SYN, Ends, tcp

pytestmark = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)


@pytest.mark.parametrize("jump_ns", [2 * MAX_JUMP_NS, -2 * MAX_JUMP_NS])
def test_flows_fall_silent_whichever_way_the_clock_was_set(jump_ns: int, tmp_path: Path) -> None:
    times = [
        START_NS,
        START_NS + SECOND_NS,
        *(START_NS + jump_ns + seconds * SECOND_NS for seconds in (0, 1, 2, 400, 500)),
    ]
    made = []
    for index, ts_ns in enumerate(times):
        data = tcp(7, flags=SYN, ends=Ends(client_port=1_024 + index))
        made += [Frame(ts_ns, 1, data, len(data)), Frame(ts_ns, 1, b"\0", 1)]
    path = tmp_path / "torture.pcap"
    path.write_bytes(pcap(made))
    reference, other = both([path])
    assert other == reference
    all_, accounting = reference
    assert accounting.counters["clock-jumps"] == 1
    reasons = {each.flow.client_port - 1_024: each.reason for each in all_ if isinstance(each, FlowUpdate)}
    assert reasons == dict.fromkeys(range(5), "idle") | {5: "end", 6: "end"}
    gaps = [each for each in all_ if isinstance(each, Gap)]
    assert len(gaps) > 1
    assert all(gap.since_ns <= gap.ts_ns for gap in gaps)
