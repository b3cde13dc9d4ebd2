"""Captures read in parts by many, natively, such that all parts together say what one engine would have said.

A part is scanned, to know which conversations may go on behind it; then it is read but for those. What
crosses is read by one engine at the end, which puts the observations of all in order. Where it cannot be
known that the result is the same, InexactError says why.
"""

import secrets
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from functools import reduce
from pathlib import Path

import msgspec

from sensors.connections import ConnectionSeen, Counted, Seen
from sensors.engine import Options
from sensors.interest import Interest
from sensors.limits import Limits
from sensors.native import MISSING
from sensors.observations import Accounting, Count, Fault, Gap
from sensors.partition import InexactError, Most, Part, PartRead, Piece, Scanned

if not MISSING:
    from sensors import _native

__all__ = ["MISSING", "Crossed", "ReadPart", "Stitched", "carry", "content", "cuts", "read", "scan"]

MAX_TUNNELS = 16_384  # names that an engine tells apart
_UNSEEN_BOUNDS = ("evicted-flows", "reading-given-up", "unnamed-tunnels", "delayed-files")
_NOTHING = Accounting(Count(0, 0), {}, {}, {})

_connections = msgspec.msgpack.Decoder(list[ConnectionSeen | Gap]).decode
_accounting = msgspec.msgpack.Decoder(Accounting).decode


class ReadPart(msgspec.Struct, frozen=True):
    """A part that was read: what it said, what it left to others, its packets, and what came of it."""

    said: Path
    left: Path
    packets: int
    part: PartRead


class Crossed(msgspec.Struct, frozen=True):
    """All parts, in their order, as they are read; and what is known of all before that."""

    parts: Generator[ReadPart]
    faults: tuple[Fault, ...]
    span_ns: tuple[int, int] | None
    end_ns: int


def cuts(path: Path, piece_bytes: int) -> list[int] | None:
    """Return where a pcap file can be cut, with its first record and its end; None where it cannot.

    Raises OSError.
    """
    return _native.cuts(path, piece_bytes)


def content(path: Path, piece: Piece | None = None) -> str:
    """Return the BLAKE3 hash of a file's bytes, or of its header and a piece. Raises OSError."""
    return _native.content(path, piece)


def scan(paths: Sequence[Path], piece: Piece | None = None) -> Scanned:
    """Look through files, or a piece of one. Raises OSError where a piece cannot be read."""
    found = _native.scan_part(list(paths), piece, secrets.randbits(64))
    return Scanned(
        packets=found.packets,
        begins_ns=(found.begins_ns[0], found.begins_ns[1]),
        span_ns=found.span_ns,
        steady=found.steady,
        hides=found.hides,
        overflow=found.overflow,
        delayed_files=found.delayed_files,
        alive=bytes(found.alive),
        pairs=bytes(found.pairs),
        faults=tuple(Fault(*fault) for fault in found.faults),
    )


def carry(here: bytes, before: bytes, end_ns: int) -> bytes:
    """Return the conversations of a part, and those from before that may still go on at its end."""
    return _native.carry(here, before, end_ns)


def read(part: Part, limits: Limits, said: Path, left: Path) -> PartRead:
    """Read a part; leave what it said, and what it left to others, in two files. Raises OSError."""
    bounds = limits.flows, limits.stream_bytes, limits.reading_bytes, limits.fragments
    done = _native.read_part(part, bounds, (said, left), secrets.randbits(64))
    accounting, whole, most, (frames, size) = done
    return PartRead(_accounting(accounting), whole, Most(*most), frames, size)


class Stitched:
    """Parts, put together as they are read, as one sensor that correlates.

    Iterating raises InexactError, and OSError.
    """

    engine = "native"

    def __init__(self, crossed: Crossed, options: Options, interest: Interest) -> None:
        limits = options.limits
        bounds = limits.flows, limits.stream_bytes, limits.reading_bytes, limits.fragments
        self._crossed = crossed
        self._parts: list[PartRead] = []
        self._limits = limits
        seed = secrets.randbits(64)  # keys hashes; nothing that comes out depends on it
        sought = interest, options.names
        self._stitch = _native.Stitch(crossed.end_ns, bounds, sought, seed)

    def __iter__(self) -> Iterator[Sequence[Seen]]:
        with closing(self._crossed.parts) as parts:
            for each in parts:
                _check([each.part], self._limits)
                self._parts.append(each.part)
                self._stitch.add(each.said, each.left, each.packets)
                yield from self._batches()
        self._stitch.end()
        yield from self._batches()
        accounting, most = self._stitch.accounting()
        border = PartRead(_accounting(accounting), True, Most(*most), 0, 0)
        _check([border], self._limits)
        _check_sum(border.most, self._parts, self._limits)

    def _batches(self) -> Iterator[Sequence[Seen]]:
        """Yield what there is to say before another part has to be added."""
        while (batch := self._stitch.next_batch()) is not None:
            yield _connections(batch)

    def counted(self) -> Counted:
        """What was counted since the last call, and not handed out."""
        return msgspec.msgpack.decode(self._stitch.counted(), type=Counted)

    def accounting(self) -> Accounting:
        """What became of every packet of all parts."""
        crossed = self._crossed
        parts = [part.accounting for part in self._parts]
        total = reduce(_add, [_accounting(self._stitch.accounting()[0]), *parts], _NOTHING)
        first_ns, last_ns = crossed.span_ns or (None, None)
        return msgspec.structs.replace(total, faults=crossed.faults, first_ns=first_ns, last_ns=last_ns)


def _check(parts: Iterable[PartRead], limits: Limits) -> None:
    """Raise InexactError where a bound was reached that is all parts' together."""
    for part in parts:
        reached = [name for name in _UNSEEN_BOUNDS if part.accounting.counters.get(name)]
        if reached:
            raise InexactError(f"a bound of the sensor was reached ({', '.join(reached)})")
        if not part.whole:
            raise InexactError("a conversation went on where none was expected to")
        if part.most.flows >= limits.flows:
            raise InexactError("the flow table was full")


def _check_sum(border: Most, parts: Sequence[PartRead], limits: Limits) -> None:
    """Raise InexactError where one engine might have reached a bound that none of several did."""
    flows = border.flows + max((part.most.flows for part in parts), default=0)
    held = border.reading_bytes + max((part.most.reading_bytes for part in parts), default=0)
    tunnels = border.tunnels + sum(part.most.tunnels for part in parts)
    if flows >= limits.flows:
        raise InexactError("one flow table might have been full")
    if held > limits.reading_bytes:
        raise InexactError("one engine might have given up messages that were not whole")
    if tunnels > MAX_TUNNELS:
        raise InexactError("one engine might not have told all tunnels apart")


def _add(one: Accounting, other: Accounting) -> Accounting:
    counters = sorted({*one.counters, *other.counters})
    return Accounting(
        read=_sum(one.read, other.read),
        decoded=_sums(one.decoded, other.decoded),
        undecoded=_sums(one.undecoded, other.undecoded),
        counters={name: one.counters.get(name, 0) + other.counters.get(name, 0) for name in counters},
    )


def _sums(one: dict[str, Count], other: dict[str, Count]) -> dict[str, Count]:
    nothing = Count(0, 0)
    return {name: _sum(one.get(name, nothing), other.get(name, nothing)) for name in sorted({*one, *other})}


def _sum(one: Count, other: Count) -> Count:
    return Count(one.packets + other.packets, one.bytes + other.bytes)
