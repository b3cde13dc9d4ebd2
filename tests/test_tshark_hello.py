"""Whom a client asks for, from the fields of a frame."""

from ipaddress import ip_address

import pytest

from sensors.proxy_header import ProxiedEnds
from sensors.tshark_facts import Facts
from sensors.tshark_hello import Greeting, greetings, proxied_ends
from sensors.tshark_place import TCP, UDP, Place
from tests.tshark_help import facts

TLS: dict[str, str | tuple[str, ...]] = {
    "tls_message": "1",
    "tls_name": "API.example",
    "tls_alpn": ("h2", "http/1.1"),
    "tls_version": "0x0303",
    "tls_versions": ("0x0a0a", "0x0303", "0x0304"),
}


def ike(exchange: int, flags: str, responder: str = "00" * 8) -> Facts:
    """Return a frame of IKE."""
    return facts("", ike_exchange=str(exchange), ike_flags=flags, ike_responder=responder)


HELLO = Greeting("tls", "api.example", ("h2", "http/1.1"), (0x0304, 0x0303))
CASES: list[tuple[str, int, str, Facts, list[Greeting]]] = [
    ("TLS", TCP, "tls", facts("", **TLS), [HELLO]),
    (
        "TLS 1.2", TCP, "tls", facts("", tls_message="1", tls_version="0x0303"),
        [Greeting("tls", None, (), (0x0303,))],
    ),
    ("QUIC", UDP, "quic:tls", facts("", tls_message="1", tls_name="q"), [Greeting("quic", "q")]),
    ("Google's QUIC", UDP, "gquic", facts("", gquic_name="g"), [Greeting("quic", "g")]),
    ("its name in another packet", UDP, "gquic", facts("", gquic_name=""), []),
    ("DTLS", UDP, "dtls", facts("", dtls_message="1", dtls_name="d"), [Greeting("dtls", "d")]),
    ("a server's hello", TCP, "tls", facts("", tls_message="2", tls_version="0x0303"), []),
    (
        "ECH with a known outer name", TCP, "tls",
        facts("", tls_message="1", tls_name="cloudflare-ech.com", tls_extension=("0", "65037")),
        [Greeting("tls", "cloudflare-ech.com", ech="offered")],
    ),
    (
        "ECH that may be GREASE", TCP, "tls",
        facts("", tls_message="1", tls_name="x", tls_extension=("0", "65037")),
        [Greeting("tls", "x", ech="grease")],
    ),
    (
        "ESNI", TCP, "tls", facts("", tls_message="1", tls_extension="65486"),
        [Greeting("tls", None, ech="offered")],
    ),
    (
        "CONNECT", TCP, "http",
        facts("", http_method="CONNECT", http_target="api.example:443", http_host="other"),
        [Greeting("http-connect", "api.example", opens_tunnel=True)],
    ),
    (
        "a request", TCP, "http", facts("", http_method="GET", http_target="/", http_host="WWW.example:8080"),
        [Greeting("http", "www.example")],
    ),
    (
        "a request to a proxy", TCP, "http",
        facts("", http_method="GET", http_target="http://[2001:db8::1]:80/x", http_host="other"),
        [Greeting("http", "2001:db8::1")],
    ),
    ("no host", TCP, "http", facts("", http_method="GET", http_target="/"), [Greeting("http", None)]),
    ("SSDP", UDP, "ssdp", facts("", http_method="NOTIFY", http_target="*", http_host="x"), []),
    (
        "SOCKS", TCP, "socks", facts("", socks_command="1", socks_name="api.example"),
        [Greeting("socks", "api.example", opens_tunnel=True)],
    ),
    (
        "SOCKS to an address", TCP, "socks", facts("", socks_command="1", socks_address="192.0.2.1"),
        [Greeting("socks", "192.0.2.1", opens_tunnel=True)],
    ),
    ("SOCKS, to listen", TCP, "socks", facts("", socks_command="2", socks_address="192.0.2.1"), []),
    (
        "in a SOCKS tunnel", TCP, "socks:tls", facts("", socks_command="1", socks_address="9.9.9.9", **TLS),
        [HELLO],
    ),
    ("WireGuard", UDP, "wg", facts("", wireguard_type="1"), [Greeting("wireguard", None)]),
    ("WireGuard's answer", UDP, "wg", facts("", wireguard_type="2"), []),
    ("STUN", UDP, "stun", facts("", stun_type="0x0001"), [Greeting("stun", None)]),
    ("STUN's answer", UDP, "stun", facts("", stun_type="0x0101"), []),
    ("OpenVPN", UDP, "openvpn", facts("", openvpn_opcode="0x07"), [Greeting("openvpn", None)]),
    (
        "OpenVPN over TCP, and more", TCP, "openvpn:tls", facts("", openvpn_opcode=("0x0a", "0x04"), **TLS),
        [Greeting("openvpn", None)],
    ),
    ("OpenVPN's answer", UDP, "openvpn", facts("", openvpn_opcode="0x08"), []),
    ("IKE", UDP, "isakmp", ike(34, "0x08"), [Greeting("ike", None)]),
    ("IKE, moved", UDP, "udpencap:isakmp", ike(35, "0x08", "0a" * 8), [Greeting("ike", None)]),
    ("IKE, main mode", UDP, "isakmp", ike(2, "0x00"), [Greeting("ike", None)]),
    ("IKE, the answer", UDP, "isakmp", ike(34, "0x20", "0a" * 8), []),
    ("IKE, the answer of main mode", UDP, "isakmp", ike(2, "0x00", "0a" * 8), []),
    ("IKE, later", UDP, "isakmp", ike(37, "0x08", "0a" * 8), []),
    ("nothing", TCP, "", facts(""), []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("transport", "above", "said", "wanted"), [row[1:] for row in CASES], ids=[row[0] for row in CASES]
)
def test_greetings(transport: int, above: str, said: Facts, wanted: list[Greeting]) -> None:
    place = Place(transport, bytes(4), 1, bytes(4), 2, 60, None, None, tuple(above.split(":")))
    assert greetings(said, place) == wanted


PORTS = {"proxy_client_port": "5", "proxy_server_port": "443"}
V4 = {"proxy_client": "10.0.0.1", "proxy_server": "192.0.2.1", **PORTS}
V6 = {"proxy_client_6": "2001:db8::1", "proxy_server_6": "2001:db8::2", **PORTS}
ENDS = ProxiedEnds(bytes((10, 0, 0, 1)), 5, bytes((192, 0, 2, 1)), 443)
ENDS_6 = ProxiedEnds(ip_address("2001:db8::1").packed, 5, ip_address("2001:db8::2").packed, 443)
HEADERS: list[tuple[str, str, Facts, ProxiedEnds | None]] = [
    ("version 1", "proxy", facts("", **V4), ENDS),
    ("version 1, IPv6, a hello behind it", "proxy:tls", facts("", **V6), ENDS_6),
    ("version 2", "proxy", facts("", proxy_protocol="0x01", **V4), ENDS),
    ("version 2, datagrams", "proxy", facts("", proxy_protocol="0x02", **V4), None),
    ("version 2, local", "proxy", facts("", proxy_protocol="0x00"), None),
    ("version 1, unknown", "proxy", facts(""), None),
    ("behind something else", "tls:proxy", facts("", **V4), None),
    ("none", "tls", facts(""), None),
]


@pytest.mark.parametrize(
    ("above", "said", "wanted"), [row[1:] for row in HEADERS], ids=[row[0] for row in HEADERS]
)
def test_whose_connection_it_is(above: str, said: Facts, wanted: ProxiedEnds | None) -> None:
    place = Place(TCP, bytes(4), 1, bytes(4), 2, 60, None, None, tuple(above.split(":")))
    assert proxied_ends(said, place) == wanted
