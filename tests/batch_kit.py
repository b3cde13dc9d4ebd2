"""Cuts captures into files, replays them in parts and in one go, and says in which files the two differ."""

import random
import struct
from collections.abc import Callable, Sequence
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
from tests.captures_kit import (
    IF_TSOFFSET,
    IF_TSRESOL,
    SECOND_NS,
    block,
    enhanced,
    interface,
    obsolete,
    option,
    section,
    simple,
)

ROOT = Path(__file__).resolve().parents[1]
POLICY = ROOT / "policies" / "eu-crm.yaml"
EVERYTHING = Options(interest=Interest(prefixes=("0.0.0.0/0", "::/0")))  # is of interest
_CLOCKS = ((9, 0), (9, 1_000_000_000), (6, 0), (9, -5))  # digits of a second, and where time begins
_OTHER_BLOCKS = (4, 5, 9, 10, 0x0BAD)  # names, statistics, a journal's entry, secrets, custom
WRITTEN = (DECISIONS, CONNECTIONS, FINDINGS, BEHAVIOURS, SUMMARY)


Form = Callable[[Sequence[Frame]], bytes]  # a capture file of frames
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


def any_pcapng(frames: Sequence[Frame], seed: int = 7) -> bytes:
    """Frames in sections of both byte orders, of interfaces with clocks of their own, among other blocks.

    Some have no time of their own, and some clocks are not to the nanosecond.
    """
    rng = random.Random(seed)
    order, clocks = "<", list[tuple[int, int]]()
    blocks = list[bytes]()
    for frame in frames:
        if not clocks or rng.random() < 0.02:
            order, clocks = rng.choice("<>"), []
            blocks.append(section(order))
        while not clocks or rng.random() < 0.04:
            clocks.append(rng.choice(_CLOCKS))
            blocks.append(_interface(order, frame.linktype, *clocks[-1]))
        if rng.random() < 0.1:
            blocks.append(block(rng.choice(_OTHER_BLOCKS), bytes(rng.randrange(90)), order))
        blocks.append(_packet(rng, order, frame, clocks))
    return b"".join(blocks)


def _interface(order: str, linktype: int, exponent: int, offset_seconds: int) -> bytes:
    options = option(IF_TSRESOL, bytes([exponent]), order)
    options += option(IF_TSOFFSET, struct.pack(f"{order}q", offset_seconds), order)
    return interface(order, linktype, options=options)


def _packet(rng: random.Random, order: str, frame: Frame, clocks: Sequence[tuple[int, int]]) -> bytes:
    number = rng.randrange(len(clocks))
    exponent, offset_seconds = clocks[number]
    ticks = (frame.ts_ns - offset_seconds * SECOND_NS) // 10 ** (9 - exponent)
    chance = rng.random()
    if chance < 0.03 and (exponent, offset_seconds) == (6, 0):
        return obsolete(frame, order, number=number)
    if chance > 0.97:
        return enhanced(frame, order, number=number, ticks=ticks) + simple(frame, order)
    return enhanced(frame, order, number=number, ticks=ticks, options=option(1, b"a comment", order))


def write_cut(
    folder: Path,
    frames: Sequence[Frame],
    places: Sequence[int],
    form: Form = nano_pcap,
) -> None:
    """Write frames as files that end at some places."""
    folder.mkdir()
    ends = [0, *sorted(set(places)), len(frames)]
    for number, (begin, end) in enumerate(pairwise(ends)):
        if begin < end:
            (folder / f"egress-{number:03}.pcap").write_bytes(form(frames[begin:end]))


def spoil(path: Path, damage: Sequence[tuple[float, bytes]], lost_bytes: int = 0) -> None:
    """Put other bytes into a file, at parts of its length, and take some from its end."""
    content = bytearray(path.read_bytes())
    for place, other in damage:
        at = int(place * (len(content) - len(other)))
        content[at : at + len(other)] = other
    path.write_bytes(content[: len(content) - lost_bytes])


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
