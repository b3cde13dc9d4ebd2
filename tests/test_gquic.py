"""Google's QUIC: packets in clear text and sealed ones, their frames, and the hello before TLS."""

import struct
from unittest import mock

import pytest
from aioquic.quic import crypto
from hypothesis import given
from hypothesis import strategies as st

from pcaps.builder.gquic import chlo, chlo_of, clear_packet, stream_frame
from sensors.gquic import fnv, is_clear_hello
from sensors.gquic_frames import handshake_pieces
from sensors.gquic_hello import MAX_HELLO_BYTES, MAX_TAGS, GoogleHello, parse_chlo
from sensors.quic import InitialReader, is_client_initial_candidate
from sensors.quic_client import QuicClient
from sensors.quic_version import VERSIONS
from sensors.wire import Malformed
from tests.hello_bytes import hello_body, message, sni
from tests.segments import Run, up
from tests.test_quic import CLIENT_ID, OTHER_ID, V1, initial
from tests.test_quic import crypto as crypto_frame

NAME = "gemini.google.com"
CHLO = chlo(NAME, "test")
CLEAR = [b"Q039", b"Q043", b"Q046"]


def google_crypto(offset: int, data: bytes) -> bytes:
    """Return the CRYPTO frame of Q050, T050 and T051."""
    return b"\x08" + crypto_frame(offset, data)[1:]


def sealed(version: bytes, frames: bytes) -> bytes:
    """Return an Initial of any version, sealed by aioquic under that version's salt."""
    with mock.patch.object(crypto, "INITIAL_SALT_VERSION_1", VERSIONS[version].salt):
        return initial(frames, version=version)


def names(payloads: list[bytes]) -> tuple[list[str | None], dict[str, int]]:
    """Return the names that a client's datagrams give, and the counts."""
    run = Run([up(at, payload=payload, transport=17) for at, payload in enumerate(payloads)])
    assert all((hello.carrier, hello.complete) == ("quic", True) for hello in run.hellos)
    return run.names, run.counters


def test_the_hash_is_chromium_s() -> None:
    said = fnv(b"hello world!", b"goodbye!", b"Client").to_bytes(16, "little")[:12]
    assert said.hex() == "97dc272f18a85673df8d1dd0"  # null_encrypter_test.cc


@pytest.mark.parametrize("version", CLEAR)
def test_a_hello_in_clear_text(version: bytes) -> None:
    packet = clear_packet(version, CLIENT_ID, stream_frame(CHLO))
    assert is_client_initial_candidate(packet)
    run = Run([up(0, payload=packet, transport=17)])
    [hello] = run.hellos
    assert (hello.carrier, hello.server_name, hello.alpn, hello.versions, hello.ja4) == (
        "quic",
        NAME,
        (),
        (),
        None,
    )
    assert (hello.complete, run.counters) == (True, {})


@pytest.mark.parametrize("flags", [0x09, 0x0D, 0x19, 0x29, 0x39, 0x3D])
def test_numbers_of_every_length(flags: int) -> None:
    number_bytes = {0x00: 1, 0x10: 2, 0x20: 4, 0x30: 6}[flags & 0x30]
    header = bytes((flags,)) + CLIENT_ID + b"Q043" + bytes(number_bytes - 1) + b"\x01"
    frames = b"\x06" + bytes(number_bytes) + stream_frame(CHLO)  # STOP_WAITING has a number too
    digest = fnv(header, frames, b"Client").to_bytes(16, "little")[:12]
    assert names([header + digest + frames]) == ([NAME], {})


@pytest.mark.parametrize("version", CLEAR)
@given(st.data())
def test_any_cut_order_and_repetition_gives_the_name(version: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(300, len(CHLO)))
    frames = [stream_frame(CHLO[at : at + cut], at) for at in range(0, len(CHLO), cut)]
    packets = [clear_packet(version, CLIENT_ID, each, number) for number, each in enumerate(frames, 1)]
    again = data.draw(st.lists(st.sampled_from(packets), max_size=3))
    client = QuicClient()
    order = data.draw(st.permutations([*packets, *again]))
    said = [greeting for packet in order if not client.done and (greeting := client.feed(packet)) is not None]
    assert [(each.carrier, each.server_name, each.hello) for each in said] == [("quic", NAME, None)]


@pytest.mark.parametrize("version", CLEAR)
def test_what_the_hash_does_not_match_is_not_read(version: bytes) -> None:
    packet = clear_packet(version, CLIENT_ID, stream_frame(CHLO))
    for at in (0, 20, 40, len(packet) - 1):
        changed = packet[:at] + bytes((packet[at] ^ 0x10,)) + packet[at + 1 :]
        said, counters = names([changed])
        assert (said, set(counters)) in (([], set()), ([], {"quic-undecryptable"}))
    for complete, outcome in ((False, "truncated"), (True, "undecryptable")):
        reader = InitialReader()
        assert reader.feed(packet[:900], complete=complete) == b""
        assert reader.outcome == outcome


def test_sealed_packets_after_a_hello_are_not_counted() -> None:
    header = b"\x09" + CLIENT_ID + b"Q043\x02"
    packet = clear_packet(b"Q043", CLIENT_ID, stream_frame(CHLO))
    assert names([packet, header + bytes(range(256)) * 4, packet]) == ([NAME], {})


def test_another_connection_of_one_socket_is_a_flow_of_its_own() -> None:
    second = clear_packet(b"Q046", OTHER_ID[:8], stream_frame(chlo("www.youtube.com", "test")))
    v1 = initial(crypto_frame(0, message(hello_body(sni(b"chatgpt.com")))))
    packets = [clear_packet(b"Q043", CLIENT_ID, stream_frame(CHLO)), second, v1, second]
    assert names(packets) == ([NAME, "www.youtube.com", "chatgpt.com", "www.youtube.com"], {})


@pytest.mark.parametrize("version", sorted(VERSIONS.keys() - {b"\x6b\x33\x43\xcf"}))
def test_every_sealed_version(version: bytes) -> None:
    tls = message(hello_body(sni(NAME.encode())))
    frame = google_crypto if VERSIONS[version].google else crypto_frame
    stream = CHLO if version.startswith(b"Q") else tls
    packets = [sealed(version, frame(0, stream[:90])), sealed(version, frame(90, stream[90:]) + b"\x00" * 9)]
    for order in (packets, packets[::-1], packets * 2):
        assert names(order) == ([NAME], {})
    wrong = sealed(version, frame(0, tls if stream is CHLO else CHLO))
    assert names([wrong]) == ([], {"malformed-quic-not-a-client-hello": 1})


def test_drafts_have_the_salts_of_their_time() -> None:
    drafts = {number[3]: version.salt for number, version in VERSIONS.items() if number[0] == 0xFF}
    assert sorted(drafts) == list(range(22, 35))
    assert len({drafts[22], drafts[23], drafts[29], drafts[33]}) == 4
    assert [drafts[28], drafts[32], drafts[34]] == [drafts[23], drafts[29], VERSIONS[V1].salt]


@pytest.mark.parametrize(
    ("frames", "pieces"),
    [
        (b"\x00\x07\x00", []),
        (b"\xa0\x01\x00\x02ab", [(0, b"ab")]),
        (b"\x80\x01abc", [(0, b"abc")]),
        (b"\xe4\x01\x00\x09\x00\x01a\x00", [(9, b"a")]),
        (b"\xa3\x00\x00\x00\x01\x00\x01a", [(0, b"a")]),
        (b"\xbc\x01" + bytes(7) + b"\x05\x00\x01a", [(5, b"a")]),
        (b"\xa0\x03\x00\x01x\x08\x40\x05\x01y", [(5, b"y")]),
        (b"\x40\x01\x00\x00\x01\x00\xa0\x01\x00\x01a", [(0, b"a")]),
        (b"\x65" + bytes(4) + b"\x01" + bytes(2) + bytes(3) + b"\x02" + bytes(8) + b"\x80\x01a", [(0, b"a")]),
        (b"\x06\x00\x00\xa0\x01\x00\x00", [(0, b"")]),
    ],
)
def test_frames(frames: bytes, pieces: list[tuple[int, bytes]]) -> None:
    assert handshake_pieces(frames, 2) == pieces


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        (b"", "quic-no-frames"),
        (b"\x01", "quic-frame-type"),
        (b"\x3f", "quic-frame-type"),
        (b"\xa0\x01\x00\x03ab", "quic-past-end"),
        (b"\xbf\x01", "quic-past-end"),
        (b"\x40\x01", "quic-past-end"),
        (b"\x60\x01\x00\x00\xff\x01", "quic-past-end"),
        (b"\x40\x01\x00\x00\x01\xff", "quic-past-end"),
        (b"\x08\x00\x03ab", "quic-past-end"),
        (b"\x06\x00", "quic-past-end"),
        (b"\xbc\x01" + b"\xff" * 8 + b"\x00\x01a", "quic-crypto-offset"),
        (b"\x08" + b"\xff" * 8 + b"\x01a", "quic-crypto-offset"),
    ],
)
def test_malformed_frames(frames: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        handshake_pieces(frames, 2)
    packet = clear_packet(b"Q046", CLIENT_ID, stream_frame(CHLO) + frames)
    if reason == "quic-frame-type":
        assert names([packet]) == ([], {"malformed-quic-frame-type": 1})


@pytest.mark.parametrize(
    ("stream", "name"),
    [
        (chlo_of({b"SNI\0": b"Host.Example."}), "host.example"),
        (chlo_of({b"SNI\0": b"."}), "."),
        (chlo_of({b"SNI\0": b""}), None),
        (chlo_of({b"PAD\0": b"-" * 9}), None),
        (chlo_of({}), None),
        (chlo_of({b"SNI\0": b"a b"}) + b"what follows", "a\\x20b"),
    ],
)
def test_hellos(stream: bytes, name: str | None) -> None:
    assert parse_chlo(stream) == GoogleHello(name)
    for kept in range(4, len(stream.removesuffix(b"what follows"))):
        assert parse_chlo(stream[:kept]) is None


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (b"REJ\0" + bytes(4), "quic-not-a-client-hello"),
        (b"CHLO" + struct.pack("<HH", MAX_TAGS + 1, 0), "gquic-tags"),
        (chlo_of({b"VER\0": b"a", b"SNI\0": b"b"}), "gquic-tags"),
        (b"CHLO\1\0\0\0SNI\0" + struct.pack("<I", MAX_HELLO_BYTES), "hello-too-long"),
        (b"CHLO\2\0\0\0PAD\0\2\0\0\0SNI\0\1\0\0\0ab", "gquic-tags"),
        (b"CHLO\2\0\0\0SNI\0\1\0\0\0SNI\0\2\0\0\0ab", "gquic-tags"),
        (chlo_of({b"SNI\0": b"a" * 256}), "sni-name-length"),
    ],
)
def test_malformed_hellos(stream: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        parse_chlo(stream)
    if stream.startswith(b"CHLO"):
        packet = clear_packet(b"Q046", CLIENT_ID, stream_frame(stream))
        assert names([packet]) == ([], {f"malformed-{reason}": 1})


@given(st.sampled_from([b"", b"\x09" + CLIENT_ID + b"Q043", b"\xc3Q046\x50"]), st.binary(max_size=120))
def test_random_datagrams_begin_nothing(head: bytes, tail: bytes) -> None:
    assert not is_clear_hello(head + tail)
    reader = InitialReader()
    assert reader.feed(head + tail, complete=False) == b""


@given(st.binary(max_size=80), st.integers(0, 6))
def test_any_frames_end(frames: bytes, number_bytes: int) -> None:
    try:
        pieces = handshake_pieces(frames, number_bytes)
    except Malformed:
        return
    assert sum(len(data) for _, data in pieces) < len(frames)
