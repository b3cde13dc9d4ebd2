"""How far a spool was read, in a file that is replaced whole. After a loss of power it may be older."""

from pathlib import Path

import msgspec

from monitor.fleet.segments import Place
from monitor.replacing import Replacing

POSITION = "position.json"

_decode = msgspec.json.Decoder(Place).decode


def read_position(folder: Path) -> Place:
    """Return how far a spool was read; its beginning where nobody knows: what comes again is passed over."""
    try:
        return _decode((folder / POSITION).read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return Place()


def write_position(folder: Path, place: Place) -> None:
    """Keep how far a spool was read. Raises OSError."""
    with Replacing(folder / POSITION) as file:
        file.write(msgspec.json.encode(place))
