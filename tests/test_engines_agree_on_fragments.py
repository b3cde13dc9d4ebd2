"""Both engines say the same of IP fragments: overlapping, forged, repeated, late, cut, beyond the end."""

import itertools
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensors.capture import Frame
from sensors.limits import Limits
from tests import frames_kit as kit
from tests import test_engines_agree
from tests.captures_kit import START_NS, pcap
from tests.frames_kit import FRAGMENT, IPV4, IPV6, SECOND_NS, TCP, UDP, VLAN, ethernet
from tests.hello_bytes import hello_body, message, record, sni

pytestmark = test_engines_agree.pytestmark
HELLO = kit.tcp(record(message(hello_body(sni(b"api.openai.com")))))
DATAGRAMS = {UDP: kit.udp(bytes(range(256))), TCP: HELLO.ljust(264, b"\0")}
FORGED = kit.udp(b"\xee" * 256)
FEW = Limits(fragments=2)
eighths = st.integers(0, 33)


def part(data: bytes, protocol: int, offset: int, identification: int, *, more: bool, v4: bool) -> bytes:
    """The IP packet that says that it carries data from an offset on, in a frame."""
    if v4:
        flags = more << 13 | offset >> 3
        return ethernet(kit.ipv4(data, protocol, identification=identification, flags=flags), IPV4)
    header = kit.fragment_header(protocol, offset, more=more, identification=identification)
    return ethernet(kit.ipv6(header + data, FRAGMENT), IPV6)


@st.composite
def parts(draw: st.DrawFn) -> bytes:
    """One fragment of one of a few datagrams; most go together, some lie."""
    v4, protocol = draw(st.booleans()), draw(st.sampled_from((UDP, UDP, TCP)))
    source = FORGED if draw(st.integers(0, 5)) == 0 else DATAGRAMS[protocol]
    start, end = draw(eighths) * 8, draw(eighths) * 8 + draw(st.sampled_from((0, 0, 0, 1, 8)))
    more = end < len(source) if draw(st.integers(0, 5)) else draw(st.booleans())
    offset = start if draw(st.integers(0, 9)) else draw(st.sampled_from((65_264, 65_272, 65_520, 65_528)))
    return part(source[start:end], protocol, offset, draw(st.integers(0, 1)), more=more, v4=v4)


@st.composite
def covers(draw: st.DrawFn) -> list[bytes]:
    """The fragments that a datagram is made of."""
    v4, protocol, identification = (
        draw(st.booleans()),
        draw(st.sampled_from((UDP, TCP))),
        draw(st.integers(0, 1)),
    )
    datagram = DATAGRAMS[protocol]
    edges = [0, *sorted(each * 8 for each in draw(st.sets(st.integers(1, 32), max_size=4))), len(datagram)]
    return [
        part(datagram[start:end], protocol, start, identification, more=end < len(datagram), v4=v4)
        for start, end in itertools.pairwise(edges)
    ]


@st.composite
def deliveries(draw: st.DrawFn) -> list[Frame]:
    """Fragments of some datagrams in any order, at any pace, some in a VLAN, some cut."""
    made = [data for cover in draw(st.lists(covers(), max_size=3)) for data in cover]
    order = draw(st.permutations(made + draw(st.lists(parts(), min_size=1, max_size=8))))
    now_ns, frames = START_NS, []
    for data in order:
        now_ns += draw(st.sampled_from((0, 1_000, 1_000, 1_000, 16 * SECOND_NS, 31 * SECOND_NS)))
        tagged = data[:12] + VLAN.to_bytes(2) + b"\0\7" + data[12:] if draw(st.integers(0, 9)) == 0 else data
        cut = draw(st.one_of(st.none(), st.none(), st.none(), st.integers(30, 120)))
        frames.append(kit.frame(tagged, ts_ns=now_ns, cut=cut))
    return frames


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(deliveries(), st.sampled_from((None, FEW)))
def test_fragments_come_to_the_same(tmp_path: Path, frames: list[Frame], limits: Limits | None) -> None:
    path = tmp_path / "frames.pcap"
    path.write_bytes(pcap(frames))
    reference, native = test_engines_agree.both([path], limits)
    assert native == reference
    _, accounting = native
    counts = [*accounting.decoded.values(), *accounting.undecoded.values()]
    assert sum(count.packets for count in counts) == len(frames)
