"""Which packets of captures belong to decisions, and the beginnings of their connections as a capture.

Flows are told by the reference engine's own table, so a packet is of the flow that it was counted for. Of a
datagram in fragments the one that completes it is named. What may hold application data is never copied: see
`monitor.bundle.beginnings`.
"""

import hashlib
import heapq
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from monitor.bundle.beginnings import Beginning
from monitor.bundle.members import PSEUDONYM, Capture, Captures, Packets
from monitor.bundle.pcap_file import PcapFile
from monitor.files import InputError, unreadable
from sensors.budget import ReadingBudget
from sensors.capture import CaptureReader
from sensors.captured import Frame
from sensors.clock import CaptureClock
from sensors.flows import TCP, Flow, FlowTable
from sensors.frames import FrameDecoder
from sensors.limits import Limits
from sensors.observations import EndReason, FlowKey
from sensors.recorder import Recorder
from sensors.tcp import TcpTracker
from sensors.udp import UdpTracker

MAX_CAPTURES = 64
MAX_NUMBERS = 500_000  # of packets that are listed, all decisions together; more are counted
MAX_LISTED = 200_000  # decisions whose packets are listed; more are counted

_Numbered = tuple[int, int, int, Frame]  # time, capture, number, frame
_Ends = tuple[int, str, int, str]  # first packet, server, its port, transport


class Wanted(NamedTuple):
    """A decision whose packets are looked for, and its line in `decisions.jsonl`."""

    line: int
    ts_ns: int
    flow: FlowKey


class _Found:
    """The packets of one flow so far: capture and number, one after the other."""

    __slots__ = ("beginning", "more", "numbers")

    def __init__(self) -> None:
        self.numbers = array("Q")
        self.more = 0
        self.beginning = Beginning()


class _Table(FlowTable):
    """A flow table that remembers which flow was looked up or added last: that of the packet at hand."""

    last: Flow | None = None

    def find_tcp(self, key: tuple[bytes, int, bytes, int, int | None, str | None], ts_ns: int) -> Flow | None:
        self.last = super().find_tcp(key, ts_ns)
        return self.last

    def find_udp(self, key: tuple[bytes, int, bytes, int, int | None, str | None], ts_ns: int) -> Flow | None:
        self.last = super().find_udp(key, ts_ns)
        return self.last

    def add(self, flow: Flow) -> None:
        self.last = flow
        super().add(flow)


class PacketFinder:
    """Reads captures once. ``out`` gets the beginnings of the connections, where it is given."""

    def __init__(self, wanted: Iterable[Wanted], out: PcapFile | None, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self._wanted: dict[_Ends, list[Wanted]] = {}
        for each in wanted:
            ends = each.ts_ns, each.flow.server, each.flow.server_port, each.flow.transport
            self._wanted.setdefault(ends, []).append(each)
        self._times = {ends[0] for ends in self._wanted}
        self._out = out
        self._flows: dict[Flow, _Found] = {}
        self._listed = 0
        self._decoder = FrameDecoder(limits)
        self._clock = CaptureClock()
        self._recorder = Recorder(eager=True)
        self._table = _Table(limits.flows, self._ended)
        budget = ReadingBudget(limits.reading_bytes)
        self._tcp = TcpTracker(self._table, self._recorder, budget, limits.stream_bytes)
        self._udp = UdpTracker(self._table, self._recorder, budget)
        self._budget = budget
        self._packets: dict[int, Packets] = {}
        self._not_listed = 0

    def read(self, paths: Sequence[Path]) -> Captures:
        """Return what captures hold of the decisions. Raises InputError where one cannot be read."""
        if len(paths) > MAX_CAPTURES:
            raise InputError("--capture", f"more than {MAX_CAPTURES} captures", "merge them with mergecap")
        counts = [0] * len(paths)
        for _, capture, number, frame in heapq.merge(*(_numbered(*each) for each in enumerate(paths))):
            counts[capture] = number
            self._frame(capture, number, frame)
        self._table.end_all()
        captures = tuple(_capture(path, count) for path, count in zip(paths, counts, strict=True))
        kept, left_out = (self._out.kept, self._out.left_out) if self._out is not None else (0, 0)
        found = tuple(self._packets[line] for line in sorted(self._packets))
        return Captures(captures, found, kept, left_out, self._not_listed)

    def _frame(self, capture: int, number: int, frame: Frame) -> None:
        if self._clock.see(frame.ts_ns):
            self._table.now_ns = self._clock.now_ns
            self._table.expire()
        segment = self._decoder.decode(frame)
        if segment is None:
            return
        (self._tcp if segment.transport == TCP else self._udp).add(segment)
        flow, observed = self._table.last, self._recorder.take()
        if flow is None or flow.first_ns not in self._times:
            return
        found = self._flows.setdefault(flow, _Found())
        if self._listed < MAX_NUMBERS:
            found.numbers.extend((capture, number))
            self._listed += 1
        else:
            found.more += 1
        if self._out is not None:
            found.beginning.take(flow, frame, segment, observed)

    def _ended(self, flow: Flow, ts_ns: int, reason: EndReason) -> None:  # noqa: ARG002  the table's signature
        self._budget.forget(flow)
        found = self._flows.pop(flow, None)
        if found is None:
            return
        matched = self._matched(flow)
        for wanted in matched:
            if len(self._packets) >= MAX_LISTED:
                self._not_listed += 1
                continue
            self._packets[wanted.line] = Packets(wanted.line, tuple(_runs(found.numbers)), found.more)
        if not matched:
            self._listed -= len(found.numbers) // 2
        elif self._out is not None:
            found.beginning.write(self._out)

    def _matched(self, flow: Flow) -> list[Wanted]:
        """Return the decisions on a flow. A pseudonym fits any client: the time is exact."""
        key = flow.flow_key()
        ends = flow.first_ns, key.server, key.server_port, key.transport
        return [each for each in self._wanted.get(ends, ()) if _fits(each.flow, key)]


def _fits(decided: FlowKey, seen: FlowKey) -> bool:
    return decided.client.startswith(PSEUDONYM) or decided == seen


def _numbered(capture: int, path: Path) -> Iterator[_Numbered]:
    reader = CaptureReader(path)
    for number, frame in enumerate(reader, 1):
        yield frame.ts_ns, capture, number, frame
    for fault in reader.faults:
        if fault.kind == "unreadable":
            raise InputError(fault.path, fault.problem, fault.mend)


def _capture(path: Path, packets: int) -> Capture:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return Capture(path.name, file.tell(), digest, packets)
    except OSError as error:
        raise unreadable(path, error) from None


def _runs(numbers: "array[int]") -> Iterator[tuple[int, int, int]]:
    """Yield capture, first and last number of each run of packets that follow each other."""
    run: tuple[int, int, int] | None = None
    for capture, number in sorted(zip(numbers[::2], numbers[1::2], strict=True)):
        if run is not None and run[0] == capture and number == run[2] + 1:
            run = capture, run[1], number
            continue
        if run is not None:
            yield run
        run = capture, number, number
    if run is not None:
        yield run
