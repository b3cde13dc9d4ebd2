"""The guide to a fleet's correlators names every metric, and its example is one that can be used."""

import re
from pathlib import Path

import pytest

from monitor.files import read_source
from monitor.fleet.settings import is_fleet, load_fleet
from monitor.metrics import families_publisher as publisher
from monitor.metrics.families_fleet import FAMILIES, OWN
from monitor.metrics.family import LABELS
from tests.metrics_kit import EXAMPLE, ROOT
from tests.test_metrics_docs import line

GUIDE = (ROOT / "docs/84-fleet.md").read_text(encoding="utf-8")
UNITLESS = {
    "held_parcels", "lag_parcels", "partitions", "recorded_partitions", "silent_sensors", "waiting_messages",
    "flying_parcels", "failing",
}  # fmt: skip


def test_the_table_is_current() -> None:
    assert [each for each in GUIDE.splitlines() if each.startswith("| `residency_fleet_")] == [
        *map(line, OWN)
    ]
    assert [each for each in GUIDE.splitlines() if each.startswith("| `residency_publisher_")] == [
        *map(line, publisher.OWN)
    ]


def test_names_follow_the_conventions() -> None:
    for family in (*OWN, *publisher.OWN):
        assert LABELS.issuperset(family.labels)
        assert family.says.endswith(".")
        assert family.name.endswith("_total") == (family.kind == "counter")
        short = family.name.removeprefix("residency_fleet_").removeprefix("residency_publisher_")
        assert short in UNITLESS or short.endswith(("_total", "_bytes", "_seconds"))
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)


def test_the_example_can_be_used(tmp_path: Path) -> None:
    examples = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    (example,) = (each for each in examples if "\nfleet:" in each)
    (tmp_path / "policy.yaml").write_bytes(EXAMPLE.read_bytes())
    (tmp_path / "fleet.secret").write_text("s" * 64, encoding="utf-8")
    path = tmp_path / "correlator.yaml"
    path.write_text(example.replace("/etc/residency/", ""), encoding="utf-8")
    settings = load_fleet(path)
    assert is_fleet(read_source(path))
    assert settings.window_ms == 7_200_000
    assert settings.config.merging.held_bytes == 64 * 2**20
    assert settings.policy == tmp_path / "policy.yaml"


@pytest.mark.parametrize("text", ["version: 1\ncapture: {interfaces: [eth0]}\n", "a:\n  fleet: x\n"])
def test_a_sensors_file_is_no_fleets(text: str, tmp_path: Path) -> None:
    path = tmp_path / "residency.yaml"
    path.write_text(text, encoding="utf-8")
    assert not is_fleet(read_source(path))
