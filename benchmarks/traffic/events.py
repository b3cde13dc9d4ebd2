"""From flows to events: times, directions, sizes and TCP numbers of packets, a few array operations each."""

import numpy as np

from benchmarks.traffic.model import EVENT, TCP_KINDS, US_NS, Array, Flag, Kind, is_kind
from benchmarks.traffic.noise import OPAQUE_BYTES, Noise
from benchmarks.traffic.plan import packets_of
from benchmarks.traffic.script import FIRST_MESSAGE, HEAD_LENGTHS, HEAD_TABLE, MESSAGE, TAIL_TABLE, Table

_TCP_DATA_BYTES = {False: 1_460, True: 1_440}  # by IPv6
_QUIC_DATA_BYTES, _QUIC_ACK_BYTES = 1_350, 42
_ACK_EVERY, _REQUEST_EVERY, _SHORT_EVERY = 4, 48, 6
_RETRANSMISSION_RTTS = 2


def expand(flows: Array, first: int, noise: Noise, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the events of flows, flow by flow, and which of them carry a message (``size`` is open there).

    ``first`` is the number of the first flow. Retransmissions come later, from ``retransmit``.
    """
    counts = packets_of(flows) - flows["retransmitted"]
    owner = np.repeat(np.arange(len(flows)), counts)
    starts = np.cumsum(counts) - counts
    position = np.arange(len(owner)) - starts[owner]
    events = np.zeros(len(owner), EVENT)
    events["flow"] = first + owner
    delays = np.zeros(len(owner), np.int64)
    of = flows[owner]
    head = HEAD_LENGTHS[of["kind"]]
    in_head, in_tail = position < head, position >= head + of["body"]
    _follow(events, delays, in_head, (HEAD_TABLE, of["kind"], position, of["rtt_ns"]))
    _follow(events, delays, in_tail, (TAIL_TABLE, of["close"], position - head - of["body"], of["rtt_ns"]))
    body = ~(in_head | in_tail)
    _fill_body(events, delays, body, (of, position - head, rng))
    has_message = events["size"] == MESSAGE
    events["ts_ns"] = of["start_ns"] + _sums_within(delays, starts[owner])
    events["payload"] = noise.offsets(len(events), rng)
    udp = ~is_kind(of, TCP_KINDS)
    events["payload"][udp] = noise.opaque_offsets(int(udp.sum()), rng)
    return events, has_message


def number(events: Array, flows: Array, first: int) -> None:
    """Fill in TCP sequence and acknowledgement numbers. All sizes are known by now."""
    owner = events["flow"] - first
    starts = np.searchsorted(owner, owner, side="left")
    length = events["size"] + ((events["flags"] & (Flag.SYN | Flag.FIN)) > 0)
    up = np.where(events["up"], length, 0)
    down = np.where(events["up"], 0, length)
    sent_up = _sums_within(up, starts) - up + flows["seq_up"][owner]
    sent_down = _sums_within(down, starts) - down + flows["seq_down"][owner]
    events["seq"] = np.where(events["up"], sent_up, sent_down) & 0xFFFFFFFF
    ack = np.where(events["up"], sent_down, sent_up) & 0xFFFFFFFF
    events["ack"] = np.where(events["flags"] & Flag.ACK, ack, 0)


def reorder(events: Array, flows: Array, first: int) -> None:
    """Let the two packets of some first messages pass in the wrong order."""
    at = _first_messages(events, flows, first, flows["reordered"])
    later = events["ts_ns"][at + 1].copy()
    events["ts_ns"][at + 1] = events["ts_ns"][at]
    events["ts_ns"][at] = later


def retransmit(events: Array, flows: Array, first: int) -> Array:
    """Return copies of some first packets of first messages, to pass a second time."""
    at = _first_messages(events, flows, first, flows["retransmitted"])
    copies = events[at]
    copies["ts_ns"] += _RETRANSMISSION_RTTS * flows["rtt_ns"][copies["flow"] - first]
    return copies


def _first_messages(events: Array, flows: Array, first: int, chosen: Array) -> Array:
    positions = np.array([FIRST_MESSAGE[kind] for kind in Kind])
    numbers = np.flatnonzero(chosen)
    rows: Array = np.searchsorted(events["flow"], numbers + first) + positions[flows["kind"][numbers]]
    return rows


def _follow(events: Array, delays: Array, chosen: Array, script: tuple[Table, Array, Array, Array]) -> None:
    """Fill in events that a script describes: its table, and for each event the script, step and RTT."""
    table, scripts, steps, rtt_ns = script
    rows = table.row(scripts[chosen], steps[chosen])
    events["up"][chosen] = table.up[rows]
    events["flags"][chosen] = table.flags[rows]
    events["size"][chosen] = table.size[rows]
    delays[chosen] = table.rtts[rows] * rtt_ns[chosen] + table.us[rows] * US_NS


def _fill_body(
    events: Array, delays: Array, chosen: Array, about: tuple[Array, Array, np.random.Generator]
) -> None:
    """Fill in bulk data: three packets of it to one acknowledgement, and some short ones and requests."""
    of, step, rng = about
    of, step = of[chosen], step[chosen]
    tcp = is_kind(of, TCP_KINDS)
    answer = step % _ACK_EVERY == _ACK_EVERY - 1
    request = step % _REQUEST_EVERY == _REQUEST_EVERY - 1
    full = np.where(tcp, np.where(of["v6"], _TCP_DATA_BYTES[True], _TCP_DATA_BYTES[False]), _QUIC_DATA_BYTES)
    short = rng.integers(60, OPAQUE_BYTES, len(step))
    data = np.where((step % _SHORT_EVERY == 0) | request, short, full)
    events["size"][chosen] = np.where(answer & ~request, np.where(tcp, 0, _QUIC_ACK_BYTES), data)
    events["up"][chosen] = of["upload"] ^ answer
    events["flags"][chosen] = np.where(tcp, Flag.ACK, 0)
    delays[chosen] = of["gap_ns"] * rng.uniform(0.1, 1.9, len(step)) + US_NS


def _sums_within(values: Array, starts: Array) -> Array:
    """Return running sums that begin anew at every flow; ``starts`` is the first row of each row's flow."""
    sums = np.cumsum(values, dtype=np.int64)
    within: Array = sums - sums[starts] + values[starts]
    return within
