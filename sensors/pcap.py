"""The classic pcap format (draft-ietf-opsawg-pcap): a file header, then packet records back to back.

A record has no marker of its own. After a corrupt one, reading goes on only where two records in a row are
plausible and near in time; otherwise it stops, since a guess would invent packets.
"""

import re
from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from sensors.captured import COPY_AGAIN, MAX_FRAME_BYTES, FaultLog, Frame, used
from sensors.window import Window

FILE_HEADER_BYTES = 24
SECOND_NS = 1_000_000_000
NEAR_SECONDS = 3_600  # how far a packet's time may be from the last good one's for reading to go on there
_LINKTYPE_MASK = 0x03FF_FFFF  # the bits above say whether frames carry their check sequence


class _Form(NamedTuple):
    """What the magic number says."""

    order: str
    unit_ns: int  # of a record's sub-second field
    record: Struct  # seconds, sub-seconds, captured bytes, bytes on the wire


def _form(order: str, unit_ns: int, extra: str = "") -> _Form:
    return _Form(order, unit_ns, Struct(f"{order}IIII{extra}"))


_FORMS = {
    b"\xd4\xc3\xb2\xa1": _form("<", 1_000),
    b"\xa1\xb2\xc3\xd4": _form(">", 1_000),
    b"\x4d\x3c\xb2\xa1": _form("<", 1),
    b"\xa1\xb2\x3c\x4d": _form(">", 1),
    # The "modified" format of old Linux tools: interface index, protocol and packet type follow in a record.
    b"\x34\xcd\xb2\xa1": _form("<", 1_000, "8x"),
    b"\xa1\xb2\xcd\x34": _form(">", 1_000, "8x"),
}


MAGICS = frozenset(_FORMS)


def is_pcap(head: bytes) -> bool:
    """Tell whether a stream begins with a whole file header of a version that is understood."""
    form = _FORMS.get(head[:4])
    if form is None or len(head) < FILE_HEADER_BYTES:
        return False
    return bool(Struct(f"{form.order}4xH").unpack_from(head)[0] == 2)


class PcapReader:
    """Reads the frames of a stream whose file header is whole. Iterate it once."""

    def __init__(self, window: Window, faults: FaultLog) -> None:
        head = window.data
        self._form = _FORMS[head[:4]]
        (network,) = Struct(f"{self._form.order}20xI").unpack_from(head)
        self._linktype = network & _LINKTYPE_MASK
        self._window = window
        self._faults = faults

    def __iter__(self) -> Iterator[Frame]:
        window, linktype, unit_ns = self._window, self._linktype, self._form.unit_ns
        unpack, header_bytes = self._form.record.unpack_from, self._form.record.size
        new, frame_type = tuple.__new__, Frame  # the plain constructor takes twice as long
        packets, seconds = 0, None
        at = self._next(FILE_HEADER_BYTES, packets, seconds)
        while at is not None:
            data = window.data
            end = len(data)
            while (body := at + header_bytes) <= end:
                now, fraction, captured_bytes, wire_bytes = unpack(data, at)
                if not 0 < captured_bytes <= wire_bytes or captured_bytes > MAX_FRAME_BYTES:
                    if _is_corrupt(captured_bytes, wire_bytes):
                        break
                    wire_bytes = max(wire_bytes, captured_bytes)
                if (following := body + captured_bytes) > end:
                    break
                ts_ns = now * SECOND_NS + fraction * unit_ns
                yield new(frame_type, (ts_ns, linktype, data[body:following], wire_bytes))
                packets, seconds, at = packets + 1, now, following
            at = self._next(at, packets, seconds)

    def _next(self, at: int, packets: int, seconds: int | None) -> int | None:
        """Return where the next whole record stands, read so far as needed; None at the end of the frames.

        ``seconds`` is the time of the last record, where there is one.
        """
        window, header_bytes = self._window, self._form.record.size
        at = window.fill(at, header_bytes)
        left_bytes = len(window.data) - at
        if left_bytes >= header_bytes:
            _, _, captured_bytes, wire_bytes = self._form.record.unpack_from(window.data, at)
            if _is_corrupt(captured_bytes, wire_bytes):
                return self._resume(at, packets, seconds)
            at = window.fill(at, header_bytes + captured_bytes)
            left_bytes = len(window.data) - at
            if left_bytes >= header_bytes + captured_bytes:
                return at
        if left_bytes or window.damage:
            self._faults.cut_off(window.start + at, packets, window.damage)
        return None

    def _resume(self, at: int, packets: int, seconds: int | None) -> int | None:
        """Report a corrupt record; return where plausible records go on, or None."""
        window, faults, offset = self._window, self._faults, self._window.start + at
        found = None
        if seconds is not None:
            pattern = _record_pattern(self._form.order, seconds)
            lookahead_bytes = 2 * self._form.record.size + MAX_FRAME_BYTES
            found = window.find(at + 1, pattern, lookahead_bytes, lambda place: self._fits(place, seconds))
        problem = f"the record of packet {packets + 1} makes no sense"
        if found is None:
            faults.add("corrupt", offset, f"{problem}, nor what follows", f"{COPY_AGAIN}; {used(packets)}")
            return None
        skipped_bytes = window.start + found - offset
        mend = f"{COPY_AGAIN}; {skipped_bytes} bytes were skipped and what follows was used"
        faults.add("corrupt", offset, problem, mend)
        if faults.full:
            faults.stopped(offset, packets)
            return None
        return found

    def _fits(self, at: int, seconds: int) -> bool:
        """Tell whether two plausible records in a row stand at a position, or one that ends the stream."""
        following = self._after(at, seconds)
        if following is None:
            return False
        at_the_end = self._window.ended and following == len(self._window.data)
        return at_the_end or self._after(following, seconds) is not None

    def _after(self, at: int, seconds: int) -> int | None:
        """Return where a record that is near in time and of sane lengths ends; None for any other."""
        if at + self._form.record.size > len(self._window.data):
            return None
        now, fraction, captured_bytes, wire_bytes = self._form.record.unpack_from(self._window.data, at)
        sane = 0 < captured_bytes <= min(wire_bytes, MAX_FRAME_BYTES) and wire_bytes <= MAX_FRAME_BYTES
        near = abs(now - seconds) <= NEAR_SECONDS and fraction * self._form.unit_ns < SECOND_NS
        following = at + self._form.record.size + captured_bytes
        return following if sane and near and following <= len(self._window.data) else None


def _is_corrupt(captured_bytes: int, wire_bytes: int) -> bool:
    """Tell whether a record's lengths make no sense: too long, or both zero as in a hole full of zeros."""
    return captured_bytes > MAX_FRAME_BYTES or not (captured_bytes or wire_bytes)


def _record_pattern(order: str, seconds: int) -> re.Pattern[bytes]:
    """What a record header near in time looks like: the upper half of its seconds, and two small lengths."""
    upper = re.escape(seconds.to_bytes(4, "big")[:2] if order == ">" else seconds.to_bytes(4, "little")[2:])
    if order == ">":
        return re.compile(upper + rb".{6}\0[\0-\4].{2}\0[\0-\4]", re.DOTALL)
    return re.compile(rb".{2}" + upper + rb".{6}[\0-\4]\0.{2}[\0-\4]\0", re.DOTALL)
