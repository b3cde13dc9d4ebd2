"""What was lost is counted, stands in the statement of its time, and is said in the log."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.daemon.losses import Losses
from monitor.daemon.parts import Parts
from monitor.daemon.windows import Windows
from monitor.tally import Tally
from monitor.windows import Window
from sensors.connections import Shed
from sensors.observations import Count, Gap, GapReason
from tests.parts_kit import SENSOR, Told


class Lost:
    """Losses, and where they are told."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._parts: Parts = told.parts()
        self._windows = Windows(SENSOR, 0)
        self.losses = Losses(self._parts, self._windows)

    def window(self) -> Window:
        return self._windows.close(Tally(), 0, 1)

    def metric(self, name: str, reason: str) -> float:
        text = self._parts.metrics.expose("", "").body.decode()
        (line,) = [each for each in text.splitlines() if each.startswith(f'{name}{{reason="{reason}"')]
        return float(line.split()[-1])

    def said(self) -> list[tuple[str, str]]:
        return [(line["level"], line["event"]) for line in self._told.new()]


@pytest.fixture
def lost(tmp_path: Path) -> Iterator[Lost]:
    told = Told(tmp_path)
    yield Lost(told)
    told.close()


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("table", [("warning", "packets lost")]),
        ("decode", []),  # what others send is no fault of the sensor
        ("snaplen", []),
        ("fragment", []),
    ],
)
def test_what_the_sensor_gave_up(lost: Lost, reason: GapReason, said: list[tuple[str, str]]) -> None:
    lost.losses.gap(Gap(2, 1, 7, 700, reason))
    assert lost.said() == said
    assert lost.window().lost == {reason: Count(7, 700)}
    assert lost.metric("residency_lost_packets_total", reason) == 7
    assert lost.metric("residency_lost_bytes_total", reason) == 700


def test_what_a_ring_lost_is_asked_of_the_kernel_and_counted_once(lost: Lost) -> None:
    lost.losses.gap(Gap(2, 1, 7, 0, "ring"))
    assert (lost.said(), lost.window().lost) == ([], {})


def test_what_was_not_decided_in_time(lost: Lost) -> None:
    lost.losses.shed(Shed())
    assert lost.said() == []
    lost.losses.shed(Shed(opened=3, ended=2, data=1))
    assert lost.said() == [("warning", "not decided in time")]
    assert lost.window().shed == 2
    counts = [lost.metric("residency_shed_total", reason) for reason in ("opened", "ended", "data")]
    assert counts == [3, 2, 1]
