"""Reassembly of IP datagrams from fragments, by covered ranges: the first copy of a byte wins.

Fragments wait for at most 30 seconds of packet time, in bounded number and memory. Whatever happens to a
datagram, the packets that it came in are settled exactly once: handed out with it, or given to ``on_drop``.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from sensors.ip import MAX_DATAGRAM_BYTES
from sensors.observations import Count
from sensors.ranges import RangeBuffer

TIMEOUT_NS = 30 * 1_000_000_000
MAX_WAITING_BYTES = 67_108_864  # of all fragments that wait
_OVERHEAD_BYTES = 128  # memory that a fragment takes beside its data

# Source, target, identification, protocol, VLAN, tunnel.
Key = tuple[bytes, bytes, int, int, int | None, str | None]


class Fragment(NamedTuple):
    """One fragment. ``data`` may be shorter than ``size_bytes``, its length on the wire (snap length).

    It came in one packet, or in several where a tunnel's own packets were fragmented.
    """

    ts_ns: int
    offset: int
    more: bool
    protocol: int
    data: bytes
    size_bytes: int
    ip_bytes: int
    packets: int
    wire_bytes: int


class Datagram(NamedTuple):
    """A reassembled datagram, and what it came in. ``payload`` ends where a fragment was cut."""

    protocol: int
    payload: bytes
    size_bytes: int
    packets: int
    ip_bytes: int
    wire_bytes: int


class _Waiting:
    """A datagram of which fragments are missing."""

    __slots__ = (
        "buffer", "cut_at", "first_ns", "ip_bytes", "kept_bytes", "packets", "protocol", "ready",
        "received_bytes", "size_bytes", "wire_bytes",
    )  # fmt: skip

    def __init__(self, first_ns: int) -> None:
        self.first_ns = first_ns
        self.packets = self.ip_bytes = self.wire_bytes = 0
        self.protocol = 0
        self.size_bytes: int | None = None  # known from the last fragment
        self.cut_at = MAX_DATAGRAM_BYTES  # nothing from here on was captured in full
        self.received_bytes = self.kept_bytes = 0
        self.buffer = RangeBuffer(0, MAX_DATAGRAM_BYTES)  # 8-byte fragments cannot be too many pieces for it
        self.ready: list[bytes] = []

    def add(self, fragment: Fragment) -> None:
        """Take a fragment; bytes that were not captured are stood in for, and ``cut_at`` remembers it."""
        self.packets += fragment.packets
        self.ip_bytes += fragment.ip_bytes
        self.wire_bytes += fragment.wire_bytes
        self.received_bytes += fragment.size_bytes
        self.kept_bytes += fragment.size_bytes + _OVERHEAD_BYTES
        if not fragment.offset:
            self.protocol = fragment.protocol
        if not fragment.more and self.size_bytes is None:
            self.size_bytes = fragment.offset + fragment.size_bytes
        data = fragment.data
        if len(data) < fragment.size_bytes:
            self.cut_at = min(self.cut_at, fragment.offset + len(data))
            data = data.ljust(fragment.size_bytes, b"\0")
        self.ready.append(self.buffer.push(fragment.offset, data))

    def datagram(self) -> Datagram | None:
        """Return the datagram when nothing is missing any more."""
        size_bytes = self.size_bytes
        if size_bytes is None or self.buffer.next_offset < size_bytes:
            return None
        payload = b"".join(self.ready)[: min(size_bytes, self.cut_at)]
        return Datagram(self.protocol, payload, size_bytes, self.packets, self.ip_bytes, self.wire_bytes)


class FragmentTable:
    """Datagrams that wait for fragments, the oldest first. ``on_drop`` gets reason, packets, wire bytes."""

    def __init__(self, limit: int, on_drop: Callable[[str, int, int], None]) -> None:
        self.overlapping_datagrams = 0  # complete, but with bytes that came twice
        self._limit = limit
        self._on_drop = on_drop
        self._waiting: OrderedDict[Key, _Waiting] = OrderedDict()
        self._kept_bytes = 0

    @property
    def pending(self) -> Count:
        """The packets that are not settled yet."""
        waiting = self._waiting.values()
        return Count(sum(each.packets for each in waiting), sum(each.wire_bytes for each in waiting))

    def add(self, key: Key, fragment: Fragment) -> Datagram | None:
        """Take a fragment; return the datagram that it completes."""
        self.expire(fragment.ts_ns)
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = _Waiting(fragment.ts_ns)
        kept_before = waiting.kept_bytes
        waiting.add(fragment)
        self._kept_bytes += waiting.kept_bytes - kept_before
        datagram = waiting.datagram()
        if datagram is not None:
            self.overlapping_datagrams += waiting.received_bytes > datagram.size_bytes
            self._forget(key)
            return datagram
        while len(self._waiting) > self._limit or self._kept_bytes > MAX_WAITING_BYTES:
            self._drop(next(iter(self._waiting)), "fragment-overflow")
        return None

    def expire(self, now_ns: int) -> None:
        """Give up the datagrams whose time is over."""
        while self._waiting:
            key, oldest = next(iter(self._waiting.items()))
            if now_ns - oldest.first_ns <= TIMEOUT_NS:
                break
            self._drop(key, "fragment-incomplete")

    def drop_all(self) -> None:
        """Give up all that waits, because nothing more will come."""
        while self._waiting:
            self._drop(next(iter(self._waiting)), "fragment-incomplete")

    def _drop(self, key: Key, reason: str) -> None:
        waiting = self._forget(key)
        self._on_drop(reason, waiting.packets, waiting.wire_bytes)

    def _forget(self, key: Key) -> _Waiting:
        waiting = self._waiting.pop(key)
        self._kept_bytes -= waiting.kept_bytes
        return waiting
