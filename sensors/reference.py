"""The reference engine: pure Python, one packet after the other. It is the specification of the others.

Frames become segments (frames.py), segments flows (tcp.py, udp.py, flows.py), the first bytes of flows
names, DNS answers resolutions. Everything that is read is counted, once.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from sensors.budget import ReadingBudget
from sensors.clock import CaptureClock
from sensors.connections import Counted
from sensors.engine import Options, Progress
from sensors.flows import SECOND_NS, TCP, Flow, FlowTable
from sensors.frames import FrameDecoder
from sensors.gaps import GapLog
from sensors.merge import MergedCaptures
from sensors.observations import Accounting, Count, EndReason, Observation
from sensors.recorder import Recorder
from sensors.tcp import TcpTracker
from sensors.udp import UdpTracker

BATCH = 1_024  # observations handed out together


class ReferenceSensor:
    """Reads capture files and yields batches of observations."""

    engine = "dpkt"

    def __init__(self, paths: Sequence[Path], options: Options, progress: Progress | None = None) -> None:
        limits = options.limits
        self._captures = MergedCaptures(paths, progress)
        self._decoder = FrameDecoder(limits)
        self._recorder = Recorder(eager=options.eager)
        self._flows = FlowTable(limits.flows, self._flow_ended)
        self._budget = ReadingBudget(limits.reading_bytes)
        self._tcp = TcpTracker(self._flows, self._recorder, self._budget, limits.stream_bytes)
        self._udp = UdpTracker(self._flows, self._recorder, self._budget)
        self._clock = CaptureClock()
        self._gaps = GapLog(options.gap_interval_ns)
        self._next_tick_ns = 0
        self._packets = self._bytes = 0

    def __iter__(self) -> Iterator[Sequence[Observation]]:
        decode, tcp, udp, recorder = self._decoder.decode, self._tcp.add, self._udp.add, self._recorder
        clock = self._clock
        for frame in self._captures:
            self._packets += 1
            self._bytes += frame.wire_bytes
            if clock.see(frame.ts_ns):
                self._pass()
            segment = decode(frame)
            if segment is not None:
                if segment.transport == TCP:
                    tcp(segment)
                else:
                    udp(segment)
            if len(recorder) >= BATCH:
                yield recorder.take()
        self._finish()
        yield recorder.take()

    def idle(self, now_ns: int) -> None:
        """Let time pass without a packet, so that silent flows end on a quiet link."""
        if self._clock.go_to(now_ns):
            self._pass()

    def lost(self, packets: int) -> None:
        """Take note of packets that the kernel dropped before they were read."""
        self._gaps.lost(packets)

    def counted(self) -> Counted:
        """Nothing: everything is handed out."""
        return Counted()

    def accounting(self) -> Accounting:
        """What became of every packet read so far."""
        return Accounting(
            read=Count(self._packets, self._bytes),
            decoded=self._decoder.decoded(),
            undecoded=self._decoder.undecoded(),
            counters=self._counters(),
            faults=tuple(self._captures.faults),
            first_ns=self._clock.first_ns,
            last_ns=self._clock.last_ns,
        )

    def _counters(self) -> dict[str, int]:
        """All counts of events, by name; those that never happened are left out."""
        counters = {
            **self._recorder.counters,
            "clock-jumps": self._clock.jumps,
            "reading-given-up": self._budget.given_up,
            "delayed-files": self._captures.delayed_files,
            "overlapping-datagrams": self._decoder.overlapping_datagrams,
            "unnamed-tunnels": self._decoder.unnamed_packets,
        }
        return {name: count for name, count in sorted(counters.items()) if count}

    def _pass(self) -> None:
        """Let the time pass until now."""
        now_ns = self._flows.now_ns = self._clock.now_ns
        if not self._next_tick_ns - SECOND_NS <= now_ns < self._next_tick_ns:
            self._tick(now_ns)
            self._next_tick_ns = now_ns + SECOND_NS

    def _tick(self, now_ns: int) -> None:
        """Once a second of packet time: end silent flows, give up old fragments, report gaps."""
        self._flows.expire()
        self._decoder.expire(now_ns)
        if self._gaps.due(now_ns):
            self._report_gaps()

    def _finish(self) -> None:
        self._decoder.finish()
        self._flows.end_all()
        self._report_gaps()

    def _report_gaps(self) -> None:
        for gap in self._gaps.flush(self._flows.now_ns, self._decoder.undecoded()):
            self._recorder.add(gap)

    def _flow_ended(self, flow: Flow, ts_ns: int, reason: EndReason) -> None:
        self._budget.forget(flow)
        if reason == "evicted":
            self._gaps.evicted(flow.packets_low + flow.packets_high, flow.bytes_low + flow.bytes_high)
        self._recorder.flow_end(flow, ts_ns, reason)
