"""What the tests of the engine tshark share: whether it is here, and frames as it would print them."""

from pathlib import Path

import pytest

from sensors.connections import Seen
from sensors.engine import open_sensor
from sensors.observations import Accounting
from sensors.tshark_facts import Facts
from sensors.tshark_program import missing

needs_tshark = pytest.mark.skipif(bool(missing()), reason=f"the engine tshark is not here: {missing()}")


def facts(protocols: str, **fields: str | tuple[str, ...]) -> Facts:
    """Return the facts of a frame of 100 bytes; a field is one value or several."""
    known: dict[str, tuple[str, ...]] = {
        name: (value,) if isinstance(value, str) else value for name, value in fields.items()
    }
    usual = {"protocols": (protocols,), "wire_bytes": ("100",), "captured_bytes": ("100",)}
    return Facts(**{**usual, **known})


def observe(path: Path, engine: str) -> tuple[list[Seen], Accounting]:
    """Return all that an engine says of a file."""
    sensor = open_sensor([path], engine)
    return [observation for batch in sensor for observation in batch], sensor.accounting()
