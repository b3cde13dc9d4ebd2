"""Cuts the fuzzer's first inputs from the captures of ``pcaps/``: ``python -m pcaps.seeds``.

Each target of ``sensors/rust/fuzz`` makes of its input's front what to do, and of the rest what to do it
with; ``fuzzing`` in the crates says how. Inputs that a fuzzer found may stand beside these.
"""

import struct
from collections.abc import Iterable, Iterator

import msgspec

from pcaps.golden import PCAPS, traffic
from sensors.capture import CaptureReader, Frame
from sensors.frames import FrameDecoder, Segment
from sensors.limits import Limits
from sensors.observations import Observation

CORPUS = PCAPS.parent / "sensors" / "rust" / "fuzz" / "corpus"
LINKTYPES = (0, 1, 9, 12, 14, 101, 104, 108, 113, 228, 229, 276)  # in the order of the target
LARGEST_BYTES = 4_096
SIZES = (b"", b"\1", b"\x10\5\0\xff")  # of pieces: one; each a byte; several
FILES = ("http-plain", "short-snaplen", "ipv6", "mistral-eu")
FRAMES = (
    "any-interface",
    "fragmented-dns",
    "gre-tunnel",
    "ipv6",
    "pppoe",
    "short-snaplen",
    "vlan",
    "vxlan-mirror",
)
DNS = ("ech-dns-only", "dns-over-tcp", "ipv6")
STREAMS = ("http-plain", "openai-eu", "proxy-connect", "mlkem-split-hello")
OBSERVED = (
    "encrypted-dns",
    "ech-dns-only",
    "gre-tunnel",
    "ipv6",
    "openai-eu",
    "proxy-protocol",
    "short-snaplen",
)
MOST_OBSERVED = 8
QUIC = ("quic-single-initial", "quic-two-initials")


def main() -> None:
    """Write the inputs of every target."""
    for target, inputs in (
        ("capture_file", capture_files()),
        ("client_hello", client_hellos()),
        ("dns", dns_messages()),
        ("frame", frames()),
        ("observations", observed()),
        ("quic_initial", initials()),
        ("stream", streams()),
    ):
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in inputs:
            if len(data) <= LARGEST_BYTES:
                (folder / name).write_bytes(data)


def read(case: str) -> list[Frame]:
    """The frames of a case."""
    return list(CaptureReader(traffic(PCAPS / case)))


def observed() -> Iterator[tuple[str, bytes]]:
    """The first observations of some cases, as a sensor encodes them."""
    encode = msgspec.msgpack.Encoder().encode
    for case in OBSERVED:
        lines = (PCAPS / case / "observations.jsonl").read_bytes().splitlines()[:MOST_OBSERVED]
        yield case, encode([msgspec.json.decode(line, type=Observation) for line in lines])


def segments(case: str) -> list[Segment]:
    """The segments of a case that carry something."""
    decoder = FrameDecoder(Limits())
    decoded = map(decoder.decode, read(case))
    return [segment for segment in decoded if segment is not None and segment.payload]


def short_list(data: bytes) -> bytes:
    """Bytes behind a byte that says how many."""
    return bytes((len(data),)) + data


def long_list(data: bytes) -> bytes:
    """Bytes behind two bytes that say how many."""
    return struct.pack("!H", len(data)) + data


def first_words(case: str) -> bytes:
    """What the client of a case's first TCP conversation says before the server does."""
    said = b""
    for segment in segments(case):
        if segment.transport == 6:
            if segment.source_port < segment.target_port:
                break
            said += segment.payload
    return said


def client_hellos() -> Iterator[tuple[str, bytes]]:
    """First flights, cut as ``SIZES`` says."""
    for case in STREAMS:
        for number, sizes in enumerate(SIZES):
            yield f"{case}-{number}", short_list(sizes) + first_words(case)


def streams() -> Iterator[tuple[str, bytes]]:
    """The same behind a sequence number that wraps, reordered."""
    for case in STREAMS:
        for number, sizes in enumerate(SIZES):
            begin = struct.pack("!IH", 0xFFFF_FFF0, 600)
            yield f"{case}-{number}", begin + short_list(sizes) + short_list(b"\2\1\3") + first_words(case)


def dns_messages() -> Iterator[tuple[str, bytes]]:
    """Answers, cut in the middle, and as they stand in a TCP stream."""
    for case in DNS:
        answers = [each for each in segments(case) if each.source_port == 53]
        for number, segment in enumerate(answers[:4]):
            message = segment.payload[2:] if segment.transport == 6 else segment.payload
            yield f"{case}-{number}", struct.pack("!H", len(message) // 2) + short_list(SIZES[2]) + message
            if number == 0:
                yield f"{case}-tcp", struct.pack("!H", 0) + short_list(SIZES[1]) + long_list(message)


def frame_input(chosen: Iterable[Frame], cut: int) -> bytes:
    """Frames as the target reads them: link type, bytes cut off, seconds since the last, data."""
    return b"".join(bytes((LINKTYPES.index(each.linktype), cut, 1)) + long_list(each.data) for each in chosen)


def frames() -> Iterator[tuple[str, bytes]]:
    """Frames of many link types and tunnels, whole and cut."""
    for case in FRAMES:
        small = [each for each in read(case) if len(each.data) < 700]
        for cut in (0, 30):
            yield f"{case}-{cut}", frame_input(small[:4], cut)
    fragments = [each for each in read("fragmented-dns") if len(each.data) > 700]
    yield "fragments", frame_input(fragments[:2], 0)


def initials() -> Iterator[tuple[str, bytes]]:
    """A client's datagrams, one CRYPTO stream in pieces, and packets that the target seals."""
    for case in QUIC:
        sent = [each.payload for each in segments(case) if each.target_port == 443 and each.transport == 17]
        datagrams = [b"\0" + long_list(payload) + b"\3" for payload in sent[:2]]
        yield case, b"\0" + b"".join(datagrams)
    hello = first_words("openai-eu")[5:]
    for number, sizes in enumerate(SIZES[:1] + SIZES[2:]):
        yield f"stream-{number}", b"\1" + short_list(sizes) + short_list(b"\2\1\3") + hello
    begin, rest = hello[:200], hello[200:440]
    crypto = (b"\2" + struct.pack("!H", at) + short_list(part) for at, part in ((200, rest), (0, begin)))
    yield "sealed", b"\0" + b"\3".join(crypto) + b"\3"
    acknowledgement, close = bytes.fromhex("0200000000"), bytes.fromhex("1c000000")
    packets = (b"\1" + bytes((ids,)) + short_list(acknowledgement + close) for ids in (0, 0x85, 4))
    yield "frames", b"\0" + b"".join(packets) + b"\3"


def capture_files() -> Iterator[tuple[str, bytes]]:
    """Beginnings of files, and how much of them to read at once."""
    for case in FILES:
        path = traffic(PCAPS / case)
        data = path.read_bytes()
        yield case, b"\x3f" + data[: LARGEST_BYTES - 1]
        yield f"{case}-short", b"\0" + data[:600]


if __name__ == "__main__":
    main()
