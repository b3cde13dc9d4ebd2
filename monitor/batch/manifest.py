"""What a replay in parts was made of: units with their hashes, and the segments that were read, in order."""

from pathlib import Path

import msgspec

from monitor.batch.store import write_whole
from monitor.batch.types import Known, Read, Segment

MANIFEST = "manifest.json"


class Manifest(msgspec.Struct, frozen=True):
    """The parts. ``engine`` is the hash of what found all this."""

    engine: str
    units: tuple[Known, ...]
    segments: tuple[Segment, ...]
    read: tuple[Read, ...]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``manifest.json`` beside what the workers found. Raises OSError."""
    write_whole(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
