"""A batch of entries, and its form in the journal. Pure.

A batch holds all that applying it needs, and where in each payload file its lines begin: so applying it once
more changes nothing. The first batch in a journal also holds the edge of the tree before it, because the
partial tiles that had it are replaced long before the disk surely holds the new ones.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

import msgspec

from monitor.ledger.edge import Edge
from monitor.ledger.names import payload_path
from monitor.ledger.types import SALT_BYTES, Leaf, PayloadClass, Record, leaf_bytes
from monitor.merkle.tiles import encode_bundle
from monitor.merkle.tree import HASH_BYTES

MAX_PAYLOAD_BYTES = 33_554_432  # of one payload: a policy of 8 MiB is twice that as JSON, at most

_NUMBER = 4  # bytes of the head's length


class PieceHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Lines that stand in one payload file from ``offset`` on."""

    payload_class: PayloadClass
    day: str
    offset: int
    bytes: int


class EdgeHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many bytes the leaves of the partial bundle are, and how many hashes each level has."""

    leaves: int
    rows: tuple[int, ...]


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a batch consists of. ``start`` is its first index, ``leaves`` how many bytes those are."""

    start: int
    leaves: int
    pieces: tuple[PieceHead, ...]
    edge: EdgeHead | None = None


class Piece(msgspec.Struct, frozen=True):
    """Lines of one payload file, and the offset at which they begin."""

    path: str
    head: PieceHead
    data: bytes


class Batch(msgspec.Struct, frozen=True):
    """Entries from index ``start`` on. ``edge`` is that of the tree before them, where it is held."""

    start: int
    leaves: list[bytes]
    pieces: list[Piece]
    edge: Edge | None = None


_encode_head = msgspec.json.Encoder().encode
_decode_head = msgspec.json.Decoder(Head).decode


def make_batch(start: int, records: Sequence[Record], salts: bytes, size_of: Callable[[str], int]) -> Batch:
    """Return records as entries: ``salts`` has SALT_BYTES for each, ``size_of`` says how long a file is.

    Raises ValueError for a record that cannot stand in a ledger.
    """
    leaves, lines = [], dict[tuple[PayloadClass, str], list[bytes]]()
    for at, record in enumerate(records):
        salt = salts[at * SALT_BYTES : (at + 1) * SALT_BYTES]
        payload, payload_class, day = record.payload, record.payload_class, record.day
        if b"\n" in payload or payload[:1] != b"{" or payload[-1:] != b"}":
            raise ValueError("a payload is one JSON object on one line")
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise ValueError(f"a payload has at most {MAX_PAYLOAD_BYTES} bytes")
        digest = sha256(salt + payload).hexdigest()
        leaves.append(leaf_bytes(Leaf(record.at_ns, day, record.kind, digest, payload_class)))
        start_of_line = b'{"index":%d,"salt":"%s","payload":' % (start + at, salt.hex().encode())
        lines.setdefault((payload_class, day), []).extend((start_of_line, payload, b"}\n"))
    return Batch(start, leaves, [_piece(*key, b"".join(found), size_of) for key, found in lines.items()])


def _piece(payload_class: PayloadClass, day: str, data: bytes, size_of: Callable[[str], int]) -> Piece:
    path = payload_path(payload_class, day)
    return Piece(path, PieceHead(payload_class, day, size_of(path), len(data)), data)


def encode_batch(batch: Batch) -> list[bytes]:
    """Return what stands of a batch in the journal, in parts."""
    edge, leaves = batch.edge, encode_bundle(batch.leaves)
    edge_leaves = encode_bundle(edge.leaves) if edge else b""
    edge_head = EdgeHead(len(edge_leaves), tuple(map(len, edge.rows))) if edge else None
    head = _encode_head(
        Head(batch.start, len(leaves), tuple(piece.head for piece in batch.pieces), edge_head)
    )
    rows = [b"".join(row) for row in edge.rows] if edge else []
    parts = [len(head).to_bytes(_NUMBER), head, edge_leaves, *rows, leaves]
    return [b"".join(parts), *(piece.data for piece in batch.pieces)]


def decode_batch(data: bytes) -> Batch:
    """Return a batch from what stands in the journal. Raises ValueError where it is not one."""
    end = _NUMBER + int.from_bytes(data[:_NUMBER])
    try:
        head = _decode_head(data[_NUMBER:end])
    except msgspec.DecodeError as error:
        raise ValueError(f"its head: {error}") from None
    cut = _Cutter(data, end)
    edge = None
    if head.edge:
        edge_leaves = split_leaves(cut.take(head.edge.leaves))
        edge = Edge(
            head.start, edge_leaves, [_hashes(cut.take(width * HASH_BYTES)) for width in head.edge.rows]
        )
    leaves = split_leaves(cut.take(head.leaves))
    pieces = [
        Piece(payload_path(each.payload_class, each.day), each, cut.take(each.bytes)) for each in head.pieces
    ]
    if cut.at != len(data):
        raise ValueError("there is more than its head says")
    return Batch(head.start, leaves, pieces, edge)


def split_leaves(data: bytes) -> list[bytes]:
    """Return leaves that stand as in an entry bundle, but any number of them. Raises ValueError."""
    leaves, cut = [], _Cutter(data, 0)
    while cut.at < len(data):
        leaves.append(cut.take(int.from_bytes(cut.take(2))))
    return leaves


class _Cutter:
    """Takes bytes off, one piece behind the other."""

    def __init__(self, data: bytes, at: int) -> None:
        self.at = at
        self._data = data

    def take(self, count: int) -> bytes:
        start, self.at = self.at, self.at + count
        if count < 0 or self.at > len(self._data):
            raise ValueError("there is less than its head says")
        return self._data[start : self.at]


def _hashes(data: bytes) -> list[bytes]:
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]
