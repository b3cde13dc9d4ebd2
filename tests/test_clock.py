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


@pytest.mark.parametrize(
    ("steps", "now", "span"),
    [
        ([("idle", 5)], 5, None),
        ([("idle", 5), ("see", 4)], 5, 4),
        ([("idle", 5), ("see", 7)], 7, 7),
        ([("see", 5), ("idle", 9), ("idle", 8)], 9, 5),
        ([("see", 5), ("idle", 5 + FAR)], 5, 5),
        ([("see", 5), ("idle", 5 + FAR), ("idle", 6 + FAR)], 6 + FAR, 5),
        ([("see", 5), ("idle", 5 + FAR), ("see", 6), ("idle", 7 + FAR)], 6, 5),
    ],
)
def test_time_that_passes_without_a_packet(steps: list[tuple[str, int]], now: int, span: int | None) -> None:
    clock = CaptureClock()
    for kind, time in steps:
        (clock.go_to if kind == "idle" else clock.see)(time)
    assert clock.now_ns == now
    assert clock.first_ns == span
