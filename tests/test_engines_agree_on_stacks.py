"""Both engines say the same of random stacks of layers, whole, damaged, cut, fragmented and out of order."""

from collections.abc import Iterable
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from sensors.capture import Frame
from sensors.connections import Seen
from sensors.limits import Limits
from sensors.observations import Accounting, FlowUpdate
from tests import test_engines_agree
from tests.captures_kit import pcap
from tests.stacks import captured, damaged, stacks

pytestmark = test_engines_agree.pytestmark
CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


def agreed(
    frames: Iterable[Frame], folder: Path, limits: Limits | None = None
) -> tuple[list[Seen], Accounting]:
    """Return what both engines say of Ethernet frames."""
    path = folder / "frames.pcap"
    path.write_bytes(pcap(frames))
    reference, native = test_engines_agree.both([path], limits)
    assert native == reference
    return native


@settings(max_examples=80, suppress_health_check=CHECKS)
@given(stacks(3))
def test_whole_stacks_reach_the_flow(tmp_path: Path, frames: list[bytes]) -> None:
    made = (captured(data, index) for index, data in enumerate(frames))
    observations, accounting = agreed(made, tmp_path)
    assert accounting.undecoded == {}
    assert sum(count.packets for count in accounting.decoded.values()) == len(frames)
    assert [each.flow.server_port for each in observations if isinstance(each, FlowUpdate)] != []


@settings(max_examples=120, suppress_health_check=CHECKS)
@given(damaged(6))
def test_damaged_stacks_come_to_the_same(tmp_path: Path, frames: list[Frame]) -> None:
    _, accounting = agreed(frames, tmp_path)
    counts = [*accounting.decoded.values(), *accounting.undecoded.values()]
    assert sum(count.packets for count in counts) == len(frames)
