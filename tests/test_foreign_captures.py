"""Captures that other projects made: nothing crashes, every packet is accounted for, and no name is missed.

The names to find are those that any of tshark, nDPI and mercury saw; a name that none of them saw is an
invention until shown otherwise. What is not found is listed here, name by name, with the reason.
"""

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from sensors.connections import Seen
from sensors.engine import open_sensor
from sensors.observations import Accounting, Count, HelloSeen
from tests.conftest import SHARED

CAPTURES = SHARED / "captures"
EXCEPTIONS = {
    ("mercury/quic_decry.pcap", "quic", "12.1.1.2"): (
        "written by a tool: an Initial without any protection, as no client sends it and no server takes it"
    ),
}


def files() -> list[str]:
    """Return the captures, by path below the folder."""
    found = [path for path in CAPTURES.glob("*/*") if path.suffix in (".pcap", ".pcapng", ".cap")]
    return sorted(str(path.relative_to(CAPTURES)) for path in found)


@pytest.fixture(scope="session")
def names(shared: Path) -> dict[str, set[tuple[str, str]]]:
    """Return, for each file, the names that a tool saw, and over what."""
    rows: dict[str, set[tuple[str, str]]] = defaultdict(set)
    with (shared / "captures" / "names.tsv").open() as table:
        for row in csv.DictReader(table, delimiter="\t"):
            rows[row["file"]].add((row["proto"], row["sni"].lower()))
    return rows


def observe(path: Path) -> tuple[list[Seen], Accounting]:
    """Return all that the sensor says of a file."""
    sensor = open_sensor([path])
    return [observation for batch in sensor for observation in batch], sensor.accounting()


def total(counts: dict[str, Count]) -> Count:
    """Return the sum of counts."""
    return Count(sum(c.packets for c in counts.values()), sum(c.bytes for c in counts.values()))


def test_the_captures_are_there(shared: Path) -> None:
    assert len(files()) > 90
    assert {file for file, _, _ in EXCEPTIONS} <= set(files())
    assert shared == SHARED


@pytest.mark.parametrize("file", files())
def test_every_name_is_found_and_none_invented(file: str, names: dict[str, set[tuple[str, str]]]) -> None:
    observations, accounting = observe(CAPTURES / file)
    hellos = [
        each for each in observations if isinstance(each, HelloSeen) and each.carrier in ("tls", "quic")
    ]
    found = {
        ("quic" if hello.carrier == "quic" else "tcp", hello.server_name)
        for hello in hellos
        if hello.server_name is not None
    }
    missed = names[file] - found
    assert missed == {(carrier, name) for path, carrier, name in EXCEPTIONS if path == file}
    assert found <= names[file]
    assert accounting.faults == ()
    decoded, undecoded = total(accounting.decoded), total(accounting.undecoded)
    assert decoded.packets + undecoded.packets == accounting.read.packets > 0
    assert decoded.bytes + undecoded.bytes == accounting.read.bytes
