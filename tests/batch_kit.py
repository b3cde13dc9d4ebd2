"""Cuts captures into files, replays them in parts and in one go, and says in which files the two differ."""

import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from monitor import app, replaying
from monitor.app import Knowledge
from monitor.batch import run
from monitor.batch.run import Batch
from monitor.batch.workers import Here, Workers
from monitor.exports import BEHAVIOURS, DECISIONS, FINDINGS, SUMMARY
from monitor.parquet import CONNECTIONS
from sensors.captured import Frame
from sensors.connections import Counted, Seen
from sensors.engine import Options, Sensor, open_sensor
from sensors.interest import Interest
from sensors.merge import MergedCaptures
from sensors.observations import Accounting

ROOT = Path(__file__).resolve().parents[1]
POLICY = ROOT / "policies" / "eu-crm.yaml"
EVERYTHING = Options(interest=Interest(prefixes=("0.0.0.0/0", "::/0")))  # is of interest
WRITTEN = (DECISIONS, CONNECTIONS, FINDINGS, BEHAVIOURS, SUMMARY)


Said = tuple[list[Seen], Counted, Accounting]


def knowledge() -> Knowledge:
    return app.load_knowledge(POLICY)


def frames_of(path: Path) -> list[Frame]:
    return list(MergedCaptures([path]))


def nano_pcap(frames: Sequence[Frame]) -> bytes:
    """A pcap file of frames of one link, to the nanosecond."""
    parts = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, frames[0].linktype)]
    for frame in frames:
        seconds, nanoseconds = divmod(frame.ts_ns, 1_000_000_000)
        head = struct.pack("<IIII", seconds, nanoseconds, len(frame.data), frame.wire_bytes)
        parts.append(head + bytes(frame.data))
    return b"".join(parts)


def write_cut(folder: Path, frames: Sequence[Frame], places: Sequence[int]) -> None:
    """Write frames as files that end at some places."""
    folder.mkdir()
    ends = [0, *sorted(set(places)), len(frames)]
    for number, (begin, end) in enumerate(pairwise(ends)):
        if begin < end:
            (folder / f"egress-{number:03}.pcap").write_bytes(nano_pcap(frames[begin:end]))


def written(out: Path) -> dict[str, bytes | None]:
    return {name: (out / name).read_bytes() if (out / name).exists() else None for name in WRITTEN}


class Both:
    """Replays a folder in one go, then in parts; ``said`` is what the second had to say."""

    def __init__(self, known: Knowledge, scratch: Path, piece_bytes: int = run.PIECE_BYTES) -> None:
        self._known, self._scratch, self._piece_bytes = known, scratch, piece_bytes
        self.said: list[str] = []

    def in_one(self, captures: Path) -> dict[str, bytes | None]:
        out = self._scratch / "one"
        replaying.replay([captures], self._known, replaying.Reading("native"), out)
        return written(out)

    def in_parts(self, captures: Path | str, workers: Workers | None = None) -> dict[str, bytes | None]:
        out = self._scratch / "parts"
        batch = Batch(workers or Here(), self._scratch / "cache", self.said.append, self._piece_bytes)
        run.replay([str(captures)], self._known, batch, out, None)
        return written(out)


def said_in_one(captures: Path, options: Options) -> Said:
    """What one engine says, in its order, what it counts, and what became of the packets."""
    return _said(open_sensor([captures], "native", options))


def said_in_parts(captures: Path, options: Options, batch: Batch) -> Said:
    """What all parts say together. Raises InexactError."""
    return _said(run.opened(batch, [captures], options, None))


def _said(sensor: Sensor) -> Said:
    seen = [seen for batch in sensor for seen in batch]
    return seen, sensor.counted(), sensor.accounting()
