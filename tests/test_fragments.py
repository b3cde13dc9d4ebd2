"""Reassembly of datagrams: any order, duplicates and overlaps; every packet is settled exactly once."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors import fragments
from sensors.capture import Frame
from sensors.fragments import TIMEOUT_NS
from sensors.limits import Limits
from tests.frames_kit import (
    DESTINATION,
    FRAGMENT,
    IPV4,
    RAW,
    SECOND_NS,
    TCP,
    UDP,
    VLAN,
    Decoded,
    ethernet,
    extension,
    fragment_header,
    frame,
    ipv4,
    ipv6,
    udp,
)

PAYLOAD = bytes(range(256)) * 4
DATAGRAM = udp(PAYLOAD)
Span = tuple[int, int]


def part4(
    span: Span, datagram: bytes = DATAGRAM, *, identification: int = 7, last: bool | None = None
) -> bytes:
    """The IPv4 packet that carries the bytes of a span."""
    start, end = span
    more = not (end >= len(datagram) if last is None else last)
    return ipv4(datagram[start:end], UDP, identification=identification, flags=more << 13 | start >> 3)


def part6(span: Span, datagram: bytes = DATAGRAM, protocol: int = UDP) -> bytes:
    """The IPv6 packet that carries the bytes of a span."""
    start, end = span
    header = fragment_header(protocol, start, more=end < len(datagram))
    return ipv6(header + datagram[start:end], FRAGMENT)


def spans(*cuts: int, size: int = len(DATAGRAM)) -> list[Span]:
    """The spans between cuts of a datagram."""
    return list(itertools.pairwise((0, *cuts, size)))


def frames(packets: Sequence[bytes], step_ns: int = 1_000) -> list[Frame]:
    return [frame(packet, RAW, ts_ns=index * step_ns) for index, packet in enumerate(packets)]


@pytest.mark.parametrize("order", list(itertools.permutations(spans(400, 800, 1_000))))
def test_fragments_in_every_order(order: tuple[Span, ...]) -> None:
    for part, overhead in ((part4, 20), (part6, 48)):
        run = Decoded(frames([part(span) for span in order]))
        (segment,) = run.segments
        assert (segment.payload, segment.missing_bytes, segment.ts_ns) == (PAYLOAD, 0, 3_000)
        assert segment.ip_bytes == len(DATAGRAM) + 4 * overhead
        assert run.packets == {"udp": 4}
        assert run.decoder.overlapping_datagrams == 0


@st.composite
def deliveries(draw: st.DrawFn) -> list[Span]:
    """Spans that cover the datagram: overlapping, repeated, in any order."""
    edges = st.integers(0, len(DATAGRAM) // 8).map(lambda eighth: eighth * 8)
    cover = spans(*sorted(draw(st.sets(edges, max_size=6)) - {0}))
    extra = draw(
        st.lists(st.tuples(edges, edges).map(sorted).filter(lambda pair: pair[0] < pair[1]), max_size=6)
    )
    return draw(st.permutations(cover + [(start, end) for start, end in extra]))


@given(deliveries())
@settings(max_examples=200)
def test_overlaps_and_duplicates_change_nothing(order: list[Span]) -> None:
    whole = [(start, end) for start, end in order if start < end]
    run = Decoded(frames([part4(span, last=span[1] == len(DATAGRAM)) for span in whole]))
    assert [segment.payload for segment in run.segments[:1]] == [PAYLOAD]


def test_the_first_copy_of_a_byte_wins() -> None:
    forged = bytes(len(DATAGRAM))
    order = [part4((0, 400)), part4((200, 800), forged), part4((400, 800)), part4((800, len(DATAGRAM)))]
    run = Decoded(frames(order))
    expected = DATAGRAM[:400] + forged[400:800] + DATAGRAM[800:]
    assert [segment.payload for segment in run.segments] == [expected[8:]]
    assert run.decoder.overlapping_datagrams == 1


def test_the_first_end_wins() -> None:
    end, other_end, first = part4((800, len(DATAGRAM))), part4((400, 808), last=True), part4((0, 400))
    assert [segment.payload for segment in Decoded(frames([end, other_end, first])).segments] == [PAYLOAD]
    assert Decoded(frames([other_end, end, first])).packets == {"malformed-udp": 3}  # cut at 808 bytes


def test_datagrams_are_kept_apart() -> None:
    first, last = (0, 512), (512, len(DATAGRAM))
    mixed = [
        frame(part4(first, identification=1), RAW),
        frame(part4(last, identification=2), RAW),
        frame(ethernet(part4(last, identification=1), IPV4, (VLAN, 3))),
        frame(part6(last), RAW),
        frame(ipv4(DATAGRAM[512:], TCP, identification=1, flags=64), RAW),
    ]
    run = Decoded(mixed)
    assert run.segments == []
    assert run.packets == {"fragment-incomplete": 5}


def test_the_protocol_in_ipv6_is_that_of_the_first_fragment() -> None:
    order = [part6((800, len(DATAGRAM)), protocol=TCP), part6((0, 800))]
    assert Decoded(frames(order)).packets == {"udp": 2}


def test_extension_headers_behind_the_fragment_header() -> None:
    datagram = extension(UDP) + DATAGRAM
    order = [part6(span, datagram, DESTINATION) for span in spans(400, size=len(datagram))]
    assert [segment.payload for segment in Decoded(frames(order)).segments] == [PAYLOAD]


@pytest.mark.parametrize(
    ("datagram", "protocol", "account"),
    [
        (udp(bytes(56), 200), UDP, "malformed-udp"),
        (bytes(64), TCP, "malformed-tcp"),
        (bytes(64), 132, "unknown-ip-protocol"),
        (bytes(64), 58, "icmpv6"),
        (extension(UDP, 128)[:64], DESTINATION, "malformed-ipv6"),
        (fragment_header(UDP, 8, more=True) + bytes(56), FRAGMENT, "malformed-ipv6"),
    ],
)
def test_all_fragments_share_the_outcome(datagram: bytes, protocol: int, account: str) -> None:
    order = [part6(span, datagram, protocol) for span in spans(24, 48, size=64)]
    assert Decoded(frames(order)).packets == {account: 3}


def test_what_the_snap_length_cut_is_missing() -> None:
    order = spans(400, 800)
    captured = [frame(part4(span), RAW, cut=20 + 300) for span in order]
    (segment,) = Decoded(captured).segments
    assert (segment.payload, segment.missing_bytes) == (PAYLOAD[:292], len(PAYLOAD) - 292)
    captured = [frame(part4(order[0]), RAW, cut=20 + 7), *(frame(part4(span), RAW) for span in order[1:])]
    assert Decoded(captured).packets == {"truncated-udp": 3}


@pytest.mark.parametrize(("late_ns", "packets"), [(0, {"udp": 2}), (1, {"fragment-incomplete": 2})])
def test_fragments_wait_for_a_while(late_ns: int, packets: dict[str, int]) -> None:
    first, last = spans(400)
    captured = [frame(part4(first), RAW), frame(part4(last), RAW, ts_ns=TIMEOUT_NS + late_ns)]
    assert Decoded(captured).packets == packets


def test_time_passes_without_fragments_too() -> None:
    run = Decoded([])
    run.decoder.decode(frame(part4((0, 400)), RAW))
    run.decoder.expire(TIMEOUT_NS)
    assert run.decoder.pending.packets == 1
    run.decoder.expire(TIMEOUT_NS + SECOND_NS)
    assert run.decoder.pending.packets == 0
    assert run.packets == {"fragment-incomplete": 1}


def test_the_oldest_datagram_goes_when_too_many_wait() -> None:
    first, last = spans(400)
    order = [part4(first, identification=number) for number in (1, 2, 3)]
    order += [part4(last, identification=number) for number in (2, 3)]
    run = Decoded(frames(order), Limits(fragments=2))
    assert run.packets == {"fragment-overflow": 1, "udp": 4}


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fragments, "MAX_WAITING_BYTES", 3_000)
    order = [part4((0, 800), identification=number) for number in range(10)]
    assert Decoded(frames(order)).packets == {"fragment-overflow": 7, "fragment-incomplete": 3}


def test_the_smallest_pieces_of_the_longest_datagram() -> None:
    datagram = udp(bytes(65_000))
    starts = [*range(8, len(datagram), 16), *range(0, len(datagram), 16)]
    run = Decoded(frames([part4((start, min(start + 8, len(datagram))), datagram) for start in starts]))
    assert [len(segment.payload) for segment in run.segments] == [65_000]


fragment_fields = st.tuples(st.integers(0, 3), st.integers(0, 0x3FFF), st.integers(0, 40), st.integers(0, 60))


@given(st.lists(fragment_fields, max_size=40))
@settings(max_examples=200)
def test_any_fragments_keep_the_accounts_closed(fields: list[tuple[int, int, int, int]]) -> None:
    captured = [
        frame(ipv4(bytes(size), UDP, identification=number, flags=flags), RAW, ts_ns=seconds * SECOND_NS)
        for number, flags, size, seconds in fields
    ]
    run = Decoded(captured, Limits(fragments=2))
    assert sum(run.packets.values()) == len(captured)
