"""The reference engine: pure Python, one packet after the other. It is the specification of the others.

Frames become segments (frames.py), segments flows (tcp.py, udp.py, flows.py), the first bytes of flows
names, DNS answers resolutions. Everything that is read is counted, once. Where frames come from is another's
matter: of files here, of interfaces and folders in live_reference.py and live_folder.py.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from sensors.budget import ReadingBudget
from sensors.captured import Frame
from sensors.clock import CaptureClock
from sensors.connections import Counted
from sensors.engine import Options, Progress
from sensors.flows import SECOND_NS, TCP, Flow, FlowTable
from sensors.frames import FrameDecoder
from sensors.gaps import GapLog
from sensors.merge import MergedCaptures
from sensors.observations import Accounting, Count, EndReason, Fault, Observation
from sensors.recorder import Recorder
from sensors.tcp import TcpTracker
from sensors.udp import UdpTracker

BATCH = 1_024  # observations handed out together


class ReferenceEngine:
    """Takes frames one after the other, and has observations to hand out: ``len`` of them wait."""

    def __init__(self, options: Options) -> None:
        limits = options.limits
        self._decoder = FrameDecoder(limits)
        self._recorder = Recorder(eager=options.eager)
        self._flows = FlowTable(limits.flows, self._flow_ended)
        self._budget = ReadingBudget(limits.reading_bytes)
        tcp = TcpTracker(self._flows, self._recorder, self._budget, limits.stream_bytes)
        udp = UdpTracker(self._flows, self._recorder, self._budget)
        self._clock = CaptureClock()
        self._gaps = GapLog(options.gap_interval_ns)
        self._next_tick_ns = 0
        self._packets = self._bytes = 0
        self._see, self._decode = self._clock.see, self._decoder.decode  # looked up once, for each packet
        self._add_tcp, self._add_udp = tcp.add, udp.add

    def __len__(self) -> int:
        return len(self._recorder)

    @property
    def flows(self) -> int:
        """How many flows are in the table."""
        return len(self._flows)

    def frame(self, frame: Frame) -> None:
        """Take a frame."""
        self._packets += 1
        self._bytes += frame.wire_bytes
        if self._see(frame.ts_ns):
            self._pass()
        segment = self._decode(frame)
        if segment is not None:
            if segment.transport == TCP:
                self._add_tcp(segment)
            else:
                self._add_udp(segment)

    def take(self) -> list[Observation]:
        """Hand out the observations so far."""
        return self._recorder.take()

    def finish(self) -> None:
        """End what is left, because the input is over."""
        self._decoder.finish()
        self._flows.end_all()
        self._report_gaps()

    def idle(self, now_ns: int) -> None:
        """Let time pass without a packet, so that silent flows end on a quiet link."""
        if self._clock.go_to(now_ns):
            self._pass()

    def lost(self, packets: int) -> None:
        """Take note of packets that the kernel dropped before they were read."""
        self._gaps.lost(packets)

    def accounting(self, faults: Sequence[Fault] = (), delayed_files: int = 0) -> Accounting:
        """What became of every packet so far; ``faults`` and ``delayed_files`` are those of the input."""
        return Accounting(
            read=Count(self._packets, self._bytes),
            decoded=self._decoder.decoded(),
            undecoded=self._decoder.undecoded(),
            counters=self._counters(delayed_files),
            faults=tuple(faults),
            first_ns=self._clock.first_ns,
            last_ns=self._clock.last_ns,
        )

    def _counters(self, delayed_files: int) -> dict[str, int]:
        """All counts of events, by name; those that never happened are left out."""
        counters = {
            **self._recorder.counters,
            "clock-jumps": self._clock.jumps,
            "reading-given-up": self._budget.given_up,
            "delayed-files": delayed_files,
            "overlapping-datagrams": self._decoder.overlapping_datagrams,
            "unnamed-tunnels": self._decoder.unnamed_packets,
        }
        return {name: count for name, count in sorted(counters.items()) if count}

    def _pass(self) -> None:
        """Let the time pass until now."""
        now_ns = self._flows.now_ns = self._clock.now_ns
        if not self._next_tick_ns - SECOND_NS <= now_ns < self._next_tick_ns:
            self._tick(now_ns)
            self._next_tick_ns = (now_ns // SECOND_NS + 1) * SECOND_NS  # whatever was before

    def _tick(self, now_ns: int) -> None:
        """Once a second of packet time: end silent flows, give up old fragments, report gaps."""
        self._flows.expire()
        self._decoder.expire(now_ns)
        if self._gaps.due(now_ns):
            self._report_gaps()

    def _report_gaps(self) -> None:
        for gap in self._gaps.flush(self._flows.now_ns, self._decoder.undecoded()):
            self._recorder.add(gap)

    def _flow_ended(self, flow: Flow, ts_ns: int, reason: EndReason) -> None:
        self._budget.forget(flow)
        if reason == "evicted":
            self._gaps.evicted(flow.packets_low + flow.packets_high, flow.bytes_low + flow.bytes_high)
        self._recorder.flow_end(flow, ts_ns, reason)


class ReferenceSensor:
    """Reads capture files and yields batches of observations."""

    engine = "dpkt"

    def __init__(self, paths: Sequence[Path], options: Options, progress: Progress | None = None) -> None:
        self._captures = MergedCaptures(paths, progress)
        self._engine = ReferenceEngine(options)

    def __iter__(self) -> Iterator[Sequence[Observation]]:
        engine, take_frame = self._engine, self._engine.frame
        for frame in self._captures:
            take_frame(frame)
            if len(engine) >= BATCH:
                yield engine.take()
        engine.finish()
        yield engine.take()

    def counted(self) -> Counted:
        """Nothing: everything is handed out."""
        return Counted()

    def accounting(self) -> Accounting:
        """What became of every packet read so far."""
        return self._engine.accounting(self._captures.faults, self._captures.delayed_files)
