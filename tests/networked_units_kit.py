"""What the tests of services that reach the network share: they are held as the sensor is, but for that."""

from pathlib import Path

from tests.under_unit import settings
from tests.units_kit import SENSOR

MOST_EXPOSED = 1.5
IT_MAY = {"RestrictAddressFamilies", "IPAddressDeny", "IPAddressAllow", "SystemCallFilter", "Environment"}


def assert_held_but_for_the_network(path: Path) -> None:
    """See that a service has no capability, and may no more than the sensor beside what the network takes."""
    unit, sensor = settings(path), settings(SENSOR)
    assert unit["CapabilityBoundingSet"] == unit["AmbientCapabilities"] == [""]
    assert unit["User"] == sensor["User"]
    assert unit["StateDirectoryMode"] == ["0700"]  # as the daemon makes it, and systemd-tmpfiles
    assert unit["RestartPreventExitStatus"] == ["2"]
    holding = {
        name for name in sensor if name.startswith(("Protect", "Private", "Restrict", "Lock", "Memory"))
    }
    assert {name: unit[name] for name in holding - IT_MAY} == {
        name: sensor[name] for name in holding - IT_MAY
    }
    assert unit["SystemCallFilter"] == sensor["SystemCallFilter"][:2]
