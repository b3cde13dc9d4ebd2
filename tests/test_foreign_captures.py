"""Captures that other projects made: nothing crashes, every packet is accounted for, and no name is missed.

The names to find are those that tshark saw; a name that no other tool saw is an invention until shown
otherwise.
"""

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from sensors.engine import open_sensor
from sensors.observations import Accounting, Count, HelloSeen, Observation
from tests.conftest import SHARED

CAPTURES = SHARED / "captures"


def files() -> list[str]:
    """Return the captures, by path below the folder."""
    found = [path for path in CAPTURES.glob("*/*") if path.suffix in (".pcap", ".pcapng", ".cap")]
    return sorted(str(path.relative_to(CAPTURES)) for path in found)


@pytest.fixture(scope="session")
def names(shared: Path) -> dict[str, dict[tuple[str, str], str]]:
    """Return, for each file, each name with the tools that saw it."""
    rows: dict[str, dict[tuple[str, str], str]] = defaultdict(dict)
    with (shared / "captures" / "names.tsv").open() as table:
        for row in csv.DictReader(table, delimiter="\t"):
            rows[row["file"]][row["proto"], row["sni"].lower()] = row["seen_by"]
    return rows


def observe(path: Path) -> tuple[list[Observation], Accounting]:
    """Return all that the sensor says of a file."""
    sensor = open_sensor([path])
    return [observation for batch in sensor for observation in batch], sensor.accounting()


def total(counts: dict[str, Count]) -> Count:
    """Return the sum of counts."""
    return Count(sum(c.packets for c in counts.values()), sum(c.bytes for c in counts.values()))


def test_the_captures_are_there(shared: Path) -> None:
    assert len(files()) > 90
    assert shared == SHARED


@pytest.mark.parametrize("file", files())
def test_every_name_is_found_and_none_invented(
    file: str, names: dict[str, dict[tuple[str, str], str]]
) -> None:
    observations, accounting = observe(CAPTURES / file)
    hellos = [
        each for each in observations if isinstance(each, HelloSeen) and each.carrier in ("tls", "quic")
    ]
    found = {
        ("quic" if hello.carrier == "quic" else "tcp", hello.server_name)
        for hello in hellos
        if hello.server_name is not None
    }
    wanted = {name for name, tools in names[file].items() if "tshark" in tools.split(",")}
    assert wanted - found == set()
    assert found <= set(names[file])
    assert accounting.faults == ()
    decoded, undecoded = total(accounting.decoded), total(accounting.undecoded)
    assert decoded.packets + undecoded.packets == accounting.read.packets > 0
    assert decoded.bytes + undecoded.bytes == accounting.read.bytes
