"""Puts traffic into a watched folder as tcpdump -G would: every now and then a capture of what passed since.

A capture appears under its name when it is whole, and the oldest ones are removed: the folder stays small.
"""

from collections.abc import Iterator
from pathlib import Path

import dpkt

from monitor.replacing import Replacing
from pcaps.builder.container import Record, pcap

KEPT = 30  # captures; what takes them is seconds behind
_SECOND_NS = 1_000_000_000


def read(capture: Path) -> list[Record]:
    """Return the frames of a pcap file, with their times in nanoseconds since the Unix epoch."""
    with capture.open("rb") as file:
        return [Record(round(ts * _SECOND_NS), frame) for ts, frame in dpkt.pcap.Reader(file)]


class Feeder:
    """Feeds a folder with traffic that has no end and is in the order of its times."""

    def __init__(self, folder: Path, traffic: Iterator[Record]) -> None:
        self._folder = folder
        self._traffic = traffic
        self._next = next(traffic)

    def feed(self, until_ns: int) -> None:
        """Put what passed before ``until_ns`` into the folder."""
        passed = []
        while self._next.ts_ns < until_ns:
            passed.append(self._next)
            self._next = next(self._traffic)
        if passed:
            with Replacing(self._folder / f"{passed[0].ts_ns}.pcap") as file:
                file.write(pcap(passed, nanosecond=True))
        for old in sorted(self._folder.glob("*.pcap"))[:-KEPT]:
            old.unlink()
