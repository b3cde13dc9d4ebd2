"""Writes packets as a capture (draft-ietf-opsawg-pcap), with times in nanoseconds."""

import struct
from typing import IO

from sensors.captured import MAX_FRAME_BYTES, Frame

_HEADER = struct.Struct("<IHHiIII")
_RECORD = struct.Struct("<IIII")
_NANOSECONDS = 0xA1B23C4D
_SECOND_NS = 1_000_000_000
_MAX_SECONDS = (1 << 32) - 1


class PcapFile:
    """A capture of one link type: that of its first packet. What it cannot hold is ``left_out``."""

    def __init__(self, out: IO[bytes]) -> None:
        self.kept = self.left_out = 0
        self._out = out
        self._linktype: int | None = None

    def add(self, frame: Frame) -> None:
        """Write a packet. Raises OSError."""
        seconds, rest_ns = divmod(frame.ts_ns, _SECOND_NS)
        if self._linktype not in (None, frame.linktype) or seconds > _MAX_SECONDS:
            self.left_out += 1
            return
        if self._linktype is None:
            self.begin(frame.linktype)
        self._out.write(_RECORD.pack(seconds, rest_ns, len(frame.data), frame.wire_bytes) + frame.data)
        self.kept += 1

    def begin(self, linktype: int = 1) -> None:
        """Write the header, unless it is there. Raises OSError."""
        if self._linktype is None:
            self._linktype = linktype
            self._out.write(_HEADER.pack(_NANOSECONDS, 2, 4, 0, 0, MAX_FRAME_BYTES, linktype))
