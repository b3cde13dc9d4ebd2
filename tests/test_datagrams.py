"""Datagrams of every kind, whole, cut, damaged and mixed: both engines say the same, to the last count."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcaps.builder.concealing import ike_message, openvpn_crypt_reset, openvpn_reset, wireguard_initiation
from pcaps.builder.gquic import chlo, clear_packet, stream_frame
from sensors import native
from sensors.observations import HelloSeen
from tests.dtls_bytes import datagram, dtls_body, dtls_record, fragments
from tests.hello_bytes import hello_body, message, sni
from tests.test_engines_agree import both
from tests.test_gquic import google_crypto, sealed
from tests.test_hostile import ETHERNET_IPV4, in_tmp, ipv4, pcap, udp
from tests.test_quic import CLIENT_ID, OTHER_ID, crypto

pytestmark = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)
HELLO, COOKIE_HELLO = dtls_body(sni(b"api.openai.com")), dtls_body(sni(b"api.openai.com"), cookie=b"cookie")
OTHER_HELLO = dtls_body(sni(b"api.mistral.ai"))
CHLO, TLS = chlo("gemini.google.com", "d"), message(hello_body(sni(b"chatgpt.com")))
MADE = [
    *(dtls_record(each) for each in fragments(HELLO, [40, 90])),
    *(dtls_record(each) for each in fragments(COOKIE_HELLO, [60], 1)),
    dtls_record(b"".join(fragments(HELLO, [40]))),
    datagram(OTHER_HELLO),
    dtls_record(bytes(50), kind=23, epoch=1),
    *(clear_packet(version, CLIENT_ID, stream_frame(CHLO)) for version in (b"Q039", b"Q043", b"Q046")),
    clear_packet(b"Q043", OTHER_ID[:8], stream_frame(CHLO[:700])),
    clear_packet(b"Q043", OTHER_ID[:8], stream_frame(CHLO[700:], 700), 2),
    sealed(b"Q050", google_crypto(0, CHLO)),
    sealed(b"T051", google_crypto(0, TLS[:50])),
    sealed(b"T051", google_crypto(50, TLS[50:])),
    *(sealed(version, crypto(0, TLS)) for version in (b"\xff\0\0\x16", b"\xff\0\0\x1b", b"\xff\0\0\x22")),
    wireguard_initiation("d"),
    openvpn_reset("d"),
    openvpn_reset("d", 0),
    openvpn_crypt_reset("d", 290),
    ike_message("d", (33, 0x20, 34, 0x08)),
    bytes(4) + ike_message("d", (46, 0x20, 35, 0x08), number=1, answer=True),
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return a datagram that was whole, with some bytes changed, or cut, or with more behind it."""
    payload = bytearray(draw(st.sampled_from(MADE)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.one_of(st.integers(0, min(60, len(payload) - 1)), st.integers(0, len(payload) - 1)))
        payload[at] = draw(st.integers(0, 255))
    end = draw(st.one_of(st.just(len(payload)), st.integers(1, len(payload))))
    return bytes(payload[:end]) + draw(st.one_of(st.just(b""), st.sampled_from(MADE), st.binary(max_size=30)))


payloads = st.one_of(st.sampled_from(MADE), damaged(), st.binary(max_size=60))
ends = st.sampled_from([(50_000, 443), (443, 50_000), (50_000, 500), (50_000, 4_500), (50_001, 443)])
frames = st.builds(
    lambda ports, payload: (1_000, ETHERNET_IPV4 + ipv4(17, udp(ports[0], ports[1], payload))),
    ends,
    payloads,
)


@in_tmp
@given(st.lists(frames, max_size=14), st.sampled_from([65_535, 300, 120, 70]))
def test_both_engines_say_the_same(tmp_path: Path, packets: list[tuple[int, bytes]], snap: int) -> None:
    path = tmp_path / "datagrams"
    path.write_bytes(pcap(1, packets, snap))
    reference, other = both([path])
    assert other == reference


@pytest.mark.parametrize("snap", [65_535, 900, 160])
def test_each_datagram_alone(tmp_path: Path, snap: int) -> None:
    hellos = 0
    for payload in MADE:
        for port in (443, 500, 4_500):
            path = tmp_path / "datagram"
            path.write_bytes(pcap(1, [(1_000, ETHERNET_IPV4 + ipv4(17, udp(50_000, port, payload)))], snap))
            reference, other = both([path])
            assert other == reference
            hellos += sum(isinstance(each, HelloSeen) for each in reference[0])
    assert hellos == {65_535: 50, 900: 38, 160: 23}[snap]
