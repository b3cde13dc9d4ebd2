"""The engine ``tshark``: Wireshark's dissectors, through pyshark, behind the same protocol as the others.

It is the independent second opinion: what is in the packets is read by code that nobody here wrote. Flows are
kept by the reference engine's table, so that both speak of the same flows. Where it says less, that is no
disagreement: no JA4 (tshark 4.0 has none), no name of a hello whose end is missing, no handshake across two
files (each gets a tshark of its own), and of a datagram in fragments the bytes of the last one only. Files
are read one after the other, by the time of their first packets.

tshark keeps state for every conversation of a file, so its memory grows with the capture; it is bounded from
outside (tshark_process.py), and a capture that needs more ends as a fault.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from sensors.capture import CaptureReader, path_text
from sensors.captured import FaultKind
from sensors.clock import CaptureClock
from sensors.connections import Counted
from sensors.engine import Options, Progress
from sensors.flows import SECOND_NS
from sensors.observations import Accounting, Count, Fault, Observation
from sensors.paths import expand_paths
from sensors.recorder import Recorder
from sensors.tshark_facts import Facts, number, time_ns
from sensors.tshark_flows import TsharkFlows
from sensors.tshark_place import TCP, locate
from sensors.tshark_process import TsharkFailedError, TsharkProcess
from sensors.tshark_program import find_tshark

BATCH = 1_024  # observations handed out together
_UNREADABLE = ":unreadable-tshark-line"
_RECORD_HEADER_BYTES = 16  # of a packet in a pcap file


class _Line(msgspec.Struct):
    """A line of EK output; those of Elasticsearch's index have no layers."""

    layers: Facts | None = None


class TsharkSensor:
    """Reads capture files with tshark and yields batches of observations."""

    engine = "tshark"

    def __init__(self, paths: Sequence[Path], options: Options, progress: Progress | None) -> None:
        self._paths = sorted(expand_paths(paths))
        self._progress = progress
        self._recorder = Recorder()
        self._flows = TsharkFlows(options.limits, self._recorder)
        self._clock = CaptureClock()
        self._next_tick_ns = 0
        self._counts: dict[str, Count] = {}
        self._faults: dict[Path, list[Fault]] = {}

    def __iter__(self) -> Iterator[Sequence[Observation]]:
        for path in self._in_time_order():
            left_bytes = _size(path)
            for facts in self._read(path):
                self._take(facts)
                left_bytes -= self._report(facts, left_bytes)
                if len(self._recorder) >= BATCH:
                    yield self._recorder.take()
            if self._progress is not None:
                self._progress(left_bytes)
        self._flows.finish(self._undecoded())
        yield self._recorder.take()

    def counted(self) -> Counted:
        """Nothing: everything is handed out."""
        return Counted()

    def accounting(self) -> Accounting:
        """What became of every packet that tshark read so far."""
        decoded = {name: count for name, count in sorted(self._counts.items()) if not name.startswith(":")}
        counts = self._counts.values()
        return Accounting(
            read=Count(sum(count.packets for count in counts), sum(count.bytes for count in counts)),
            decoded=decoded,
            undecoded=self._undecoded(),
            counters=dict(sorted(self._recorder.counters.items())),
            faults=tuple(fault for path in self._paths for fault in self._faults.get(path, ())),
            first_ns=self._clock.first_ns,
            last_ns=self._clock.last_ns,
        )

    def _report(self, facts: Facts | None, left_bytes: int) -> int:
        """Report progress by a packet's size: how far tshark has read is not known."""
        if self._progress is None or facts is None:
            return 0
        consumed_bytes = min(number(facts.captured_bytes) + _RECORD_HEADER_BYTES, left_bytes)
        self._progress(consumed_bytes)
        return consumed_bytes

    def _undecoded(self) -> dict[str, Count]:
        return {name[1:]: count for name, count in sorted(self._counts.items()) if name.startswith(":")}

    def _in_time_order(self) -> list[Path]:
        """Return the files that our own reader can begin to read; the others become faults."""
        first_times = {}
        for path in self._paths:
            if path.exists() and not path.is_file():
                self._fault(path, "unreadable", "the engine tshark reads files only", "name a capture file")
                continue
            reader = CaptureReader(path)
            with closing(iter(reader)) as frames:
                first = next(frames, None)
            if first is not None:
                first_times[path] = first.ts_ns
            else:
                self._faults[path] = list(reader.faults)
        return sorted(first_times, key=lambda path: (first_times[path], path))

    def _read(self, path: Path) -> Iterator[Facts | None]:
        """Yield the facts of every frame in a file; None for a line that cannot be read."""
        decode = msgspec.json.Decoder(_Line).decode
        program = find_tshark()
        if program is None:
            self._fault(path, "unreadable", "tshark is gone", "install it")
            return
        packets = 0
        try:
            process = TsharkProcess(program, path)
            with closing(process.lines()) as lines:
                for line in filter(None, lines):
                    try:
                        facts = decode(line).layers
                    except (msgspec.DecodeError, UnicodeDecodeError):
                        packets += 1
                        yield None
                        continue
                    if facts is not None:
                        packets += 1
                        yield facts
        except TsharkFailedError as error:
            self._fault(path, "corrupt", f"tshark after packet {packets}: {error}", "try a smaller capture")
        except OSError as error:
            problem = f"it cannot be given to tshark ({error.strerror or error})"
            self._fault(path, "unreadable", problem, "check the path, and tshark")
        else:
            self._note_end(path, packets, process)

    def _note_end(self, path: Path, packets: int, process: TsharkProcess) -> None:
        """Make a fault of an end that was not a good one."""
        said = process.complaint.removeprefix("tshark: ")
        if process.status == 0:
            return
        if "cut short" in said:
            problem = f"the file ends inside packet {packets + 1}"
            self._fault(path, "truncated", problem, "copy it again from the sensor")
        elif process.status is not None and process.status < 0:
            problem = f"tshark was ended by signal {-process.status} after packet {packets}"
            self._fault(path, "corrupt", problem, "give it more memory, or a smaller capture")
        else:
            problem = f"tshark stopped after packet {packets}: {said or f'status {process.status}'}"
            self._fault(path, "corrupt", problem, "copy the capture again, or update tshark")

    def _fault(self, path: Path, kind: FaultKind, problem: str, mend: str) -> None:
        offset = 0 if kind == "unreadable" else _size(path)
        self._faults.setdefault(path, []).append(Fault(path_text(path), offset, kind, problem, mend))

    def _take(self, facts: Facts | None) -> None:
        if facts is None:
            self._count(_UNREADABLE, 0)
            return
        ts_ns = time_ns(facts.time)
        wire_bytes = number(facts.wire_bytes)
        self._tick(ts_ns)
        place = locate(facts)
        if isinstance(place, str):
            self._count(place, wire_bytes)
            return
        self._count("tcp" if place.transport == TCP else "udp", wire_bytes)
        self._flows.add(ts_ns, place, facts)

    def _tick(self, ts_ns: int) -> None:
        """Take a packet's time; once a second of it, end the flows that are silent."""
        if self._clock.see(ts_ns):
            now_ns = self._clock.now_ns
            expire = not self._next_tick_ns - SECOND_NS <= now_ns < self._next_tick_ns
            self._flows.set_time(now_ns, expire=expire)
            if expire:
                self._next_tick_ns = (now_ns // SECOND_NS + 1) * SECOND_NS

    def _count(self, name: str, wire_bytes: int) -> None:
        count = self._counts.get(name, Count())
        self._counts[name] = Count(count.packets + 1, count.bytes + wire_bytes)


def _size(path: Path) -> int:
    """Return a file's size, 0 where it is gone."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
