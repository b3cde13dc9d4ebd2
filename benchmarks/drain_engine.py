"""Reads a capture through the sensor to observations and drops them. Run by ``run.py``.

With a second argument it notes every name that the sensor saw in that file, as JSON lines; that is for
comparing with the truth, not for the clock.
"""

import sys
from pathlib import Path

import msgspec

from sensors.engine import open_sensor
from sensors.observations import HelloSeen


def drain(path: Path) -> int:
    """Iterate over all observations; return the number of packets that the sensor read."""
    sensor = open_sensor([path])
    for _ in sensor:
        pass
    return sensor.accounting().read.packets


def note_names(path: Path, out: Path) -> None:
    """Write the carrier, name and five-tuple of every hello."""
    with out.open("wb") as file:
        for batch in open_sensor([path]):
            for seen in batch:
                if isinstance(seen, HelloSeen):
                    file.write(msgspec.json.encode({"flow": seen.flow, "name": seen.server_name}) + b"\n")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        note_names(Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        print(drain(Path(sys.argv[1])))
