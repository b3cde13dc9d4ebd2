"""Merges all flows by time: windows of flows become events, events that are due become frames.

What waits is bounded by the flows that are open at one time, not by the size of the file.
"""

import itertools
from typing import BinaryIO, NamedTuple

import numpy as np

from benchmarks.traffic.events import expand, number, reorder, retransmit
from benchmarks.traffic.frames import FrameWriter
from benchmarks.traffic.hosts import Host
from benchmarks.traffic.messages import Messages
from benchmarks.traffic.model import EVENT, SECOND_NS, Array, Endpoints, Flag, Kind
from benchmarks.traffic.noise import Noise
from benchmarks.traffic.truth import Totals, Truth

_WINDOW_NS = SECOND_NS // 2
_WINDOW_FLOWS = 5_000
_PAIRS_PER_WINDOW = 20_000


class World(NamedTuple):
    """Who talks to whom: the plan's flows and what their columns point to."""

    flows: Array
    hosts: list[Host]
    endpoints: Endpoints


class Generator:
    """Writes a capture to ``out`` and its truth to ``truth``. Use one for one capture."""

    def __init__(self, world: World, out: BinaryIO, truth: Truth, rng: np.random.Generator) -> None:
        self._world = world
        self._truth = truth
        self._rng = rng
        self._noise = Noise(rng)
        self._messages = Messages(world.hosts, rng)
        self._writer = FrameWriter(out, world.flows, world.endpoints, self._noise)
        self._waiting: dict[int, bytes] = {}  # messages whose packets are not yet written
        self._numbers = itertools.count()

    def mix(self) -> Totals:
        """Write all packets of all flows, merged by time."""
        flows = self._world.flows
        pending = np.zeros(0, EVENT)
        first = 0
        while first < len(flows):
            window_end = flows["start_ns"][first] + _WINDOW_NS
            last = min(int(np.searchsorted(flows["start_ns"], window_end)), first + _WINDOW_FLOWS)
            until = flows["start_ns"][last] if last < len(flows) else np.iinfo(np.int64).max
            pending = np.concatenate([pending, *self._events(first, last)])
            due = pending["ts_ns"] < until
            ready = pending[due]
            pending = pending[~due]
            self._writer.write(ready[np.argsort(ready["ts_ns"], kind="stable")], self._waiting)
            first = last
        return self._totals()

    def syn_flood(self, gap_ns: int) -> Totals:
        """Write one SYN a flow, ``gap_ns`` apart, and nothing that answers it."""
        self._singles(Flag.SYN, 0, gap_ns)
        return self._totals()

    def concurrent(self, gap_ns: int) -> Totals:
        """Write first all SYNs and then a segment with a ClientHello for each, so that all flows are open."""
        self._singles(Flag.SYN, 0, gap_ns)
        self._singles(Flag.PSH | Flag.ACK, len(self._world.flows) * gap_ns, gap_ns)
        return self._totals()

    def spray(self, gap_ns: int) -> Totals:
        """Write the opening datagram of each flow, ``gap_ns`` apart; of DNS the answer too."""
        flows = self._world.flows
        for first in range(0, len(flows), _PAIRS_PER_WINDOW):
            some = flows[first : first + _PAIRS_PER_WINDOW]
            made = self._messages.of(some)
            steps = 2 if some["kind"][0] == Kind.DNS else 1
            events = np.zeros(len(some) * steps, EVENT)
            numbers = np.arange(len(events))
            events["flow"] = first + numbers // steps
            events["ts_ns"] = some["start_ns"][0] + (first * steps + numbers) * gap_ns
            events["up"] = numbers % steps == 0
            messages = [message for messages in made for message in messages[:steps]]
            events["size"] = [len(message) for message in messages]
            events["payload"] = [self._keep(message) for message in messages]
            self._truth.add_flows(len(some))
            self._writer.write(events, self._waiting)
        return self._totals()

    def _events(self, first: int, last: int) -> tuple[Array, Array]:
        flows = self._world.flows[first:last]
        events, has_message = expand(flows, first, self._noise, self._rng)
        made = self._messages.of(flows)
        messages = [message for messages in made for message in messages]
        events["size"][has_message] = [len(message) for message in messages]
        events["payload"][has_message] = [self._keep(message) for message in messages]
        number(events, flows, first)
        reorder(events, flows, first)
        copies = retransmit(events, flows, first)
        copies["payload"] = [self._keep(self._waiting[~at]) for at in copies["payload"].tolist()]
        self._truth.add_flows(len(flows))
        self._truth.add_messages(flows, self._world)
        return events, copies

    def _singles(self, flags: int, after_ns: int, gap_ns: int) -> None:
        """Write one packet of each flow in the order of the flows."""
        flows = self._world.flows
        hello = bool(flags & Flag.ACK)
        for first in range(0, len(flows), _PAIRS_PER_WINDOW):
            some = flows[first : first + _PAIRS_PER_WINDOW]
            events = np.zeros(len(some), EVENT)
            events["flow"] = np.arange(first, first + len(some))
            events["ts_ns"] = some["start_ns"] + after_ns + np.arange(first, first + len(some)) * gap_ns
            events["up"] = True
            events["flags"] = flags
            events["seq"] = some["seq_up"] + hello
            if hello:
                messages = [records[0] for records in self._messages.of(some)]
                events["ack"] = some["seq_down"] + 1
                events["size"] = [len(message) for message in messages]
                events["payload"] = [self._keep(message) for message in messages]
                self._truth.add_messages(some, self._world)
            else:
                self._truth.add_flows(len(some))
            self._writer.write(events, self._waiting)

    def _keep(self, message: bytes) -> int:
        """Put a message by, and return what stands for it in the column of payloads."""
        key = next(self._numbers)
        self._waiting[key] = message
        return ~key

    def _totals(self) -> Totals:
        writer = self._writer
        return self._truth.finish(writer.packets, writer.ip_bytes, writer.file_bytes)
