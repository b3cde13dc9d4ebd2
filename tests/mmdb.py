"""Writes small databases in MaxMind DB format 2.0: every layout is tested without a vendor's file."""

import ipaddress
import struct
from collections.abc import Mapping

Value = str | int | bool | Mapping[str, "Value"] | list["Value"]

MARKER = b"\xab\xcd\xefMaxMind.com"
NODE_BYTES = 6  # two records of 24 bits


def mmdb(records: Mapping[str, Value], kind: str = "Test-Country", epoch: int = 1_767_225_600) -> bytes:
    """Return a database (IPv6 tree, IPv4 below ::/96) with these records by prefix."""
    tree: list[list[int | None]] = [[None, None]]
    data = b""
    offsets: list[tuple[int, int, int]] = []
    for prefix, value in records.items():
        node, bit = _leaf(tree, prefix)
        offsets.append((node, bit, len(data)))
        data += _encoded(value)
    for node, bit, offset in offsets:
        tree[node][bit] = len(tree) + 16 + offset
    body = b"".join(_record(side, len(tree)) for pair in tree for side in pair)
    metadata: Mapping[str, Value] = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": epoch,
        "database_type": kind,
        "description": {},
        "ip_version": 6,
        "languages": [],
        "node_count": len(tree),
        "record_size": 24,
    }
    text = b"".join(_encoded(key) + _typed(key, value) for key, value in metadata.items())
    return body + bytes(16) + data + MARKER + _control(7, len(metadata)) + text


def _leaf(tree: list[list[int | None]], prefix: str) -> tuple[int, int]:
    """Make the nodes on the way to a prefix; return the last one, and which of its sides is the prefix."""
    network = ipaddress.ip_network(prefix)
    extra = 96 if network.version == 4 else 0
    length = network.prefixlen + extra
    bits = [int(network.network_address) >> (127 - index) & 1 for index in range(length)]
    node = 0
    for bit in bits[:-1]:
        following = tree[node][bit]
        if following is None:
            following = tree[node][bit] = len(tree)
            tree.append([None, None])
        node = following
    return node, bits[-1]


def _record(value: int | None, empty: int) -> bytes:
    return struct.pack(">I", empty if value is None else value)[1:]


def _encoded(value: Value) -> bytes:
    if isinstance(value, bool):
        return _control(14, int(value))
    if isinstance(value, int):
        raw = value.to_bytes(8, "big").lstrip(b"\0")
        return _control(6 if len(raw) <= 4 else 9, len(raw)) + raw
    if isinstance(value, str):
        text = value.encode()
        return _control(2, len(text)) + text
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(_encoded, value))
    return _control(7, len(value)) + b"".join(_encoded(key) + _encoded(item) for key, item in value.items())


def _typed(key: str, value: Value) -> bytes:
    """Encode a value of the metadata, whose numbers have types of their own."""
    types = {"node_count": 6, "build_epoch": 9}
    if not isinstance(value, int):
        return _encoded(value)
    raw = value.to_bytes(8, "big").lstrip(b"\0")
    return _control(types.get(key, 5), len(raw)) + raw


def _control(kind: int, size: int) -> bytes:
    long = size >= 29
    first = (kind if kind <= 7 else 0) << 5 | (29 if long else size)
    return bytes([first]) + (bytes([kind - 7]) if kind > 7 else b"") + (bytes([size - 29]) if long else b"")
