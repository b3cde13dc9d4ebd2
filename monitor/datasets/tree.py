"""Writes a database in MaxMind DB format 2.0 (maxmind.github.io/MaxMind-DB). Pure.

Records of 32 bits, IPv4 below ::/96, every text and every record once. The libraries that write this format
take ten times as long, so this one is ours.
"""

import struct
from array import array
from collections.abc import Iterable, Mapping

from monitor.datasets.rows import ADDRESS_BITS, IPV4_BITS, Prefix

Scalar = str | int | bool
Record = Mapping[str, Scalar]

MARKER = b"\xab\xcd\xefMaxMind.com"
SEPARATOR = bytes(16)
_POINTER, _TEXT, _UINT16, _UINT32, _MAP, _UINT64, _ARRAY, _BOOLEAN = 1, 2, 5, 6, 7, 9, 11, 14
_EMPTY = -1


class Tree:
    """A binary tree of prefixes. Longer prefixes are added after shorter ones, and cover them."""

    def __init__(self) -> None:
        # Two entries a node: another node's number, or a record's as -2 - number, or nothing.
        self._sides = array("q", (_EMPTY, _EMPTY))
        self._ipv4 = 0
        for _ in range(IPV4_BITS):
            self._ipv4 = self._node(2 * self._ipv4)

    def add(self, prefix: Prefix, record: int) -> None:
        """Give all addresses of a prefix the record of this number."""
        node, length = 0, prefix.length
        if prefix.first >> 32 == 0 and length > IPV4_BITS:
            node, length = self._ipv4, length - IPV4_BITS
        bits = format(prefix.first >> ADDRESS_BITS - prefix.length, f"0{length}b")
        sides = self._sides
        for bit in bits[:-1]:
            place = 2 * node + (bit == "1")
            node = sides[place]
            if node < 0:
                node = self._node(place)
        sides[2 * node + (bits[-1] == "1")] = -2 - record

    def _node(self, place: int) -> int:
        """Put a node where a leaf is; both its halves get what the leaf has."""
        leaf = self._sides[place]
        self._sides.extend((leaf, leaf))
        self._sides[place] = self.nodes - 1
        return self.nodes - 1

    @property
    def nodes(self) -> int:
        """How many nodes there are."""
        return len(self._sides) // 2

    def encode(self, offsets: list[int]) -> bytes:
        """The search tree; ``offsets`` are where the records start in the data section."""
        count = self.nodes
        base = count + len(SEPARATOR)
        values = (
            side if side >= 0 else count if side == _EMPTY else base + offsets[-2 - side]
            for side in self._sides
        )
        return struct.pack(f">{2 * count}I", *values)


class DataSection:
    """The records, each text in them once."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._texts: dict[str, int] = {}

    def add(self, record: Record) -> int:
        """Write a record; return where it starts."""
        parts = b"".join(self._text(key) + self._value(value) for key, value in record.items())
        start = len(self._data)
        self._data += _control(_MAP, len(record)) + parts
        return start

    def encode(self) -> bytes:
        """The whole section."""
        return bytes(self._data)

    def _text(self, text: str) -> bytes:
        if text not in self._texts:
            self._texts[text] = len(self._data)
            self._data += _encoded(text)
        return bytes([_POINTER << 5 | 0b11000]) + self._texts[text].to_bytes(4, "big")

    def _value(self, value: Scalar) -> bytes:
        return self._text(value) if isinstance(value, str) else _encoded(value)


def database(prefixes: Iterable[tuple[Prefix, Record]], kind: str, about: str, built_seconds: int) -> bytes:
    """A database of prefixes, which come with shorter ones before longer ones."""
    tree, data = Tree(), DataSection()
    numbers: dict[tuple[Scalar, ...], int] = {}
    offsets: list[int] = []
    for prefix, record in prefixes:
        key = (*record.keys(), *record.values())
        number = numbers.get(key)
        if number is None:
            number = numbers[key] = len(offsets)
            offsets.append(data.add(record))
        tree.add(prefix, number)
    return b"".join(
        (
            tree.encode(offsets),
            SEPARATOR,
            data.encode(),
            MARKER,
            _metadata(tree.nodes, kind, about, built_seconds),
        )
    )


def _metadata(nodes: int, kind: str, about: str, built_seconds: int) -> bytes:
    items = {
        "binary_format_major_version": _number(_UINT16, 2),
        "binary_format_minor_version": _number(_UINT16, 0),
        "build_epoch": _number(_UINT64, built_seconds),
        "database_type": _encoded(kind),
        "description": _control(_MAP, 1) + _encoded("en") + _encoded(about),
        "ip_version": _number(_UINT16, 6),
        "languages": _control(_ARRAY, 0),
        "node_count": _number(_UINT32, nodes),
        "record_size": _number(_UINT16, 32),
    }
    return _control(_MAP, len(items)) + b"".join(_encoded(key) + value for key, value in items.items())


def _encoded(value: Scalar) -> bytes:
    if isinstance(value, bool):
        return _control(_BOOLEAN, int(value))
    if isinstance(value, int):
        return _number(_UINT32, value)
    text = value.encode()
    return _control(_TEXT, len(text)) + text


def _number(kind: int, value: int) -> bytes:
    raw = value.to_bytes(8, "big").lstrip(b"\0")
    return _control(kind, len(raw)) + raw


def _control(kind: int, size: int) -> bytes:
    """The bytes before a value: its type and its size, which here stays below 29 + 256 + 65,536."""
    extended = kind > 7
    if size < 29:
        short, rest = size, b""
    elif size < 285:
        short, rest = 29, bytes([size - 29])
    else:
        short, rest = 30, (size - 285).to_bytes(2, "big")
    first = (0 if extended else kind) << 5 | short
    return bytes([first]) + (bytes([kind - 7]) if extended else b"") + rest
