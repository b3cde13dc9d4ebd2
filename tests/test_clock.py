"""The capture's clock: forward with the packets, unmoved by one wrong time, set anew by two that agree."""

import pytest

from sensors.clock import MAX_JUMP_NS, CaptureClock

FAR = 10 * MAX_JUMP_NS


@pytest.mark.parametrize(
    ("times", "now", "jumps"),
    [
        ([5], 5, 0),
        ([5, 9, 7], 9, 0),
        ([5, 5 + FAR, 6], 6, 0),
        ([5, 5 + FAR, 6 + FAR, 7 + FAR], 7 + FAR, 1),
        ([FAR, 5, 6, 7], 7, 1),
        ([FAR, 5, FAR + 1], FAR + 1, 0),
        ([5, 5 + MAX_JUMP_NS], 5 + MAX_JUMP_NS, 0),
    ],
)
def test_the_clock(times: list[int], now: int, jumps: int) -> None:
    clock = CaptureClock()
    for time in times:
        clock.see(time)
    assert (clock.now_ns, clock.jumps) == (now, jumps)
    assert (clock.first_ns, clock.last_ns) == (min(times), max(times))
