"""Whom a client asks for, from the fields of a frame."""

import pytest

from sensors.tshark_facts import Facts
from sensors.tshark_hello import Greeting, greetings
from sensors.tshark_place import TCP, UDP, Place
from tests.tshark_help import facts

TLS: dict[str, str | tuple[str, ...]] = {
    "tls_message": "1",
    "tls_name": "API.example",
    "tls_alpn": ("h2", "http/1.1"),
    "tls_version": "0x0303",
    "tls_versions": ("0x0a0a", "0x0303", "0x0304"),
}
HELLO = Greeting("tls", "api.example", ("h2", "http/1.1"), (0x0304, 0x0303))
CASES: list[tuple[str, int, str, Facts, list[Greeting]]] = [
    ("TLS", TCP, "tls", facts("", **TLS), [HELLO]),
    (
        "TLS 1.2", TCP, "tls", facts("", tls_message="1", tls_version="0x0303"),
        [Greeting("tls", None, (), (0x0303,))],
    ),
    ("QUIC", UDP, "quic:tls", facts("", tls_message="1", tls_name="q"), [Greeting("quic", "q")]),
    ("Google's QUIC", UDP, "gquic", facts("", gquic_name="g"), [Greeting("quic", "g")]),
    ("DTLS", UDP, "dtls", facts("", dtls_message="1", dtls_name="d"), [Greeting("tls", "d")]),
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
    ("nothing", TCP, "", facts(""), []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("transport", "above", "said", "wanted"), [row[1:] for row in CASES], ids=[row[0] for row in CASES]
)
def test_greetings(transport: int, above: str, said: Facts, wanted: list[Greeting]) -> None:
    place = Place(transport, bytes(4), 1, bytes(4), 2, 60, None, None, tuple(above.split(":")))
    assert greetings(said, place) == wanted
