"""From events to the bytes of a pcap file: headers as columns, sums by numpy, payload joined in between."""

from typing import BinaryIO

import numpy as np

from benchmarks.traffic.model import TCP_KINDS, Array, Endpoints, Flag, is_kind
from benchmarks.traffic.noise import Noise

FILE_HEADER = bytes.fromhex("d4c3b2a1 02000400 00000000 00000000 00000400 01000000")
_LINK = [  # pcap record header, then Ethernet
    ("seconds", "<u4"),
    ("microseconds", "<u4"),
    ("captured", "<u4"),
    ("original", "<u4"),
    ("to_mac", "6u1"),
    ("from_mac", "6u1"),
    ("ethertype", ">u2"),
]
_IPV4 = [
    ("version", "u1"),
    ("service", "u1"),
    ("total", ">u2"),
    ("identification", ">u2"),
    ("fragment", ">u2"),
    ("ttl", "u1"),
    ("protocol", "u1"),
    ("ip_sum", ">u2"),
    ("source", "4u1"),
    ("destination", "4u1"),
]
_IPV6 = [
    ("version", "u1"),
    ("flow_label", "3u1"),
    ("total", ">u2"),
    ("protocol", "u1"),
    ("ttl", "u1"),
    ("source", "16u1"),
    ("destination", "16u1"),
]
_PORTS = [("source_port", ">u2"), ("destination_port", ">u2")]
_UDP = [*_PORTS, ("length", ">u2"), ("sum", ">u2")]
_TCP = [
    *_PORTS,
    ("seq", ">u4"),
    ("ack", ">u4"),
    ("data_offset", "u1"),
    ("flags", "u1"),
    ("window", ">u2"),
    ("sum", ">u2"),
    ("urgent", ">u2"),
]
_SYN_OPTIONS = np.frombuffer(bytes.fromhex("020405b4 01030307 01010402"), "u1")  # MSS, window scale, SACK
_LINK_BYTES, _RECORD_BYTES = 30, 16
_GATEWAY_MAC = np.frombuffer(bytes.fromhex("02005e100001"), "u1")


class FrameWriter:
    """Writes events of ``flows`` to ``out`` and counts packets and bytes: of IP packets, and of the file."""

    def __init__(self, out: BinaryIO, flows: Array, endpoints: Endpoints, noise: Noise) -> None:
        self.packets = 0
        self.ip_bytes = 0
        self.file_bytes = out.write(FILE_HEADER)
        self._out = out
        self._flows = flows
        self._endpoints = endpoints
        self._noise = noise

    def write(self, events: Array, messages: dict[int, bytes]) -> None:
        """Write events in their order. Messages are taken out of ``messages`` as they are written."""
        of = self._flows[events["flow"]]
        payloads, sums = self._payloads(events, messages)
        headers = np.empty(len(events), object)
        tcp = is_kind(of, TCP_KINDS)
        syn = events["flags"] & Flag.SYN > 0
        for v6 in (False, True):
            for transport in (tcp & ~syn, tcp & syn, ~tcp):
                rows = np.flatnonzero(transport & (of["v6"] == v6))
                if len(rows):
                    block = self._headers(events[rows], of[rows], sums[rows])
                    self._count(block)
                    headers[rows] = _rows_as_bytes(block)
        parts = [part for pair in zip(headers.tolist(), payloads, strict=True) for part in pair]
        self.file_bytes += self._out.write(b"".join(parts))

    def _count(self, block: Array) -> None:
        self.packets += len(block)
        self.ip_bytes += int(block["original"].sum()) - 14 * len(block)

    def _payloads(self, events: Array, messages: dict[int, bytes]) -> tuple[list[bytes], Array]:
        """Return the payload of each event and the sum of its words."""
        at = events["payload"].astype(np.int64)
        is_noise = at >= 0
        sizes = np.where(is_noise, events["size"], 0).astype(np.int64)
        sums = self._noise.sums(np.where(is_noise, at, 0), sizes)
        data = self._noise.data
        pairs = zip(at.tolist(), events["size"].tolist(), strict=True)
        payloads = [data[start : start + size] if start >= 0 else b"" for start, size in pairs]
        for row in np.flatnonzero(~is_noise).tolist():
            message = messages.pop(~int(at[row]))
            payloads[row] = message
            sums[row] = int.from_bytes(message + bytes(len(message) & 1), "big") % 0xFFFF
        return payloads, sums

    def _headers(self, events: Array, of: Array, payload_sums: Array) -> Array:
        """Return the headers of events that all have the same layout, as rows of a structured array."""
        tcp, v6 = bool(is_kind(of[:1], TCP_KINDS)[0]), bool(of["v6"][0])
        syn = tcp and bool(events["flags"][0] & Flag.SYN)
        transport = [*_TCP, *([("options", "12u1")] if syn else [])] if tcp else _UDP
        layout = np.dtype([*_LINK, *(_IPV6 if v6 else _IPV4), *transport])
        block = np.zeros(len(events), layout)
        segment_bytes = np.dtype(transport).itemsize + events["size"].astype(np.int64)
        _fill_link(block, events, v6=v6)
        block["captured"] = segment_bytes + (_LINK_BYTES - _RECORD_BYTES) + (40 if v6 else 20)
        block["original"] = block["captured"]
        self._fill_ip(block, events, of, segment_bytes)
        _fill_ports(block, events["up"], of)
        if tcp:
            _fill_tcp(block, events)
        else:
            block["length"] = segment_bytes
        _fill_sum(block, payload_sums, segment_bytes)
        return block

    def _fill_ip(self, block: Array, events: Array, of: Array, segment_bytes: Array) -> None:
        v6 = "flow_label" in _names(block)
        clients = self._endpoints.clients_v6 if v6 else self._endpoints.clients_v4
        servers = self._endpoints.servers_v6 if v6 else self._endpoints.servers_v4
        up = events["up"][:, None]
        client, server = clients[of["client"]], servers[of["server"]]
        block["source"] = np.where(up, client, server)
        block["destination"] = np.where(up, server, client)
        mac = np.full((len(block), 6), 2, "u1")
        mac[:, 2:] = self._endpoints.clients_v4[of["client"]]
        block["from_mac"] = np.where(up, mac, _GATEWAY_MAC)
        block["to_mac"] = np.where(up, _GATEWAY_MAC, mac)
        block["ttl"] = np.where(events["up"], 64, 54)
        block["protocol"] = 6 if "seq" in _names(block) else 17
        if v6:
            block["version"] = 0x60
            block["total"] = segment_bytes
            return
        block["version"] = 0x45
        block["total"] = segment_bytes + 20
        block["identification"] = np.arange(len(block)) + self.packets & 0xFFFF
        block["fragment"] = 0x4000
        block["ip_sum"] = _complement(_word_sums(block, _LINK_BYTES, _LINK_BYTES + 20))


def _fill_link(block: Array, events: Array, *, v6: bool) -> None:
    seconds, rest_ns = np.divmod(events["ts_ns"], 1_000_000_000)
    block["seconds"] = seconds
    block["microseconds"] = rest_ns // 1_000
    block["ethertype"] = 0x86DD if v6 else 0x0800


def _fill_ports(block: Array, up: Array, of: Array) -> None:
    block["source_port"] = np.where(up, of["client_port"], of["server_port"])
    block["destination_port"] = np.where(up, of["server_port"], of["client_port"])


def _fill_tcp(block: Array, events: Array) -> None:
    block["seq"] = events["seq"]
    block["ack"] = events["ack"]
    block["flags"] = events["flags"]
    block["window"] = 501
    block["data_offset"] = 0x50
    if "options" in _names(block):
        block["data_offset"] = 0x80
        block["options"] = _SYN_OPTIONS


def _fill_sum(block: Array, payload_sums: Array, segment_bytes: Array) -> None:
    """Fill in the TCP or UDP checksum; the addresses stand right before the segment (RFC 9293, 3.1)."""
    addresses = _LINK_BYTES + (8 if "flow_label" in _names(block) else 12)
    words = _word_sums(block, addresses, block.dtype.itemsize)
    sums = _complement(words + payload_sums + segment_bytes + block["protocol"])
    block["sum"] = np.where(sums == 0, 0xFFFF, sums)


def _names(block: Array) -> tuple[str, ...]:
    return block.dtype.names or ()


def _word_sums(block: Array, start: int, end: int) -> Array:
    """Return the sum of the 16-bit words between two offsets of each row."""
    raw = block.view("u1").reshape(len(block), -1)[:, start:end]
    sums: Array = np.ascontiguousarray(raw).view(">u2").sum(axis=1, dtype=np.int64)
    return sums


def _complement(sums: Array) -> Array:
    """RFC 1071: fold the carries, then take the complement."""
    folded = sums % 0xFFFF
    folded = np.where((folded == 0) & (sums > 0), 0xFFFF, folded)
    complement: Array = 0xFFFF - folded
    return complement


def _rows_as_bytes(block: Array) -> list[bytes]:
    raw, size = block.tobytes(), block.dtype.itemsize
    return [raw[at : at + size] for at in range(0, len(raw), size)]
