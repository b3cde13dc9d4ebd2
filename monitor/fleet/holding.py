"""What stands in a spool and does not count yet: pieces of what goes out as a whole, or not at all.

A small file says from which place on that is so. Whoever reads looks at it before and after; what was begun
and not ended when its writer died is taken back by the next one.
"""

import os
from pathlib import Path

import msgspec

from monitor.fleet.segments import Place, numbers, path_of
from monitor.replacing import Replacing

HELD = "held.json"


class Held(msgspec.Struct, frozen=True):
    """What is held. ``number`` is another one each time, ``whole`` says what was put in last as a whole."""

    number: int = 0
    since: Place | None = None
    whole: str | None = None


def read_held(folder: Path) -> Held:
    """Return what is held; nothing where no file says so."""
    try:
        return msgspec.json.decode((folder / HELD).read_bytes(), type=Held)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return Held()


def write_held(folder: Path, held: Held) -> None:
    """Say what is held, on the disk. Raises OSError."""
    with Replacing(folder / HELD) as file:
        file.write(msgspec.json.encode(held))
        file.flush()
        os.fsync(file.fileno())


def take_back(folder: Path) -> Held:
    """Remove what was held when its writer died; return how it stands then. Raises OSError."""
    held = read_held(folder)
    if held.since is None:
        return held
    for number in numbers(folder):
        if number > held.since.segment:
            path_of(folder, number).unlink()
        elif number == held.since.segment:
            os.truncate(path_of(folder, number), held.since.offset)
    held = Held(held.number, None, held.whole)
    write_held(folder, held)
    return held
