"""Connections that hide others: encrypted DNS in each form, a VPN and a relay."""

from pcaps.builder.client import Client, Talk
from pcaps.builder.material import client_hello
from pcaps.builder.network import Network
from pcaps.builder.tcp import Server
from pcaps.cases import world
from pcaps.cases.case import Case

_FIREFOX_DOH = Server("mozilla.cloudflare-dns.com", "104.16.249.249", 4.4)
_CLOUDFLARE = Server(None, "1.1.1.1", 4.4)
_DOT = Server("dns.corp.example", "198.51.100.53", 11.0, port=853)
_DOQ = Server("dns.corp.example", "198.51.100.54", 11.0, port=4_853)
_WARP = Server(None, "162.159.197.3", 4.4)
_PRIVATE_RELAY = Server("mask.icloud.com", "17.248.176.10", 6.1)
_LOOKUP = Talk(up_bytes=160, down_bytes=480, think_ms=12)


def encrypted_dns(network: Network) -> None:
    """DoH by name and by address, DoT by port, DoQ by ALPN; then a call that only its own name tells of."""
    office, other = Client(network, world.OFFICE), Client(network, world.OFFICE_OTHER)
    office.ask(world.answer_for(_FIREFOX_DOH, ttl=300))
    office.tls(_FIREFOX_DOH, _LOOKUP)
    office.tls(_CLOUDFLARE, _LOOKUP)
    other.tls(_DOT, _LOOKUP)
    other.quic(_DOQ, _LOOKUP)
    office.tls(world.DEEPSEEK)


def vpn_and_relay(network: Network) -> None:
    """A VPN's address over TLS without a name, a relay's name over QUIC, and the same name asked for only."""
    office, other = Client(network, world.OFFICE), Client(network, world.OFFICE_OTHER)
    office.tls(_WARP, Talk(1_300, 3_400))
    other.ask(world.answer_for(_PRIVATE_RELAY, ttl=300))
    other.quic(_PRIVATE_RELAY, Talk(900, 2_600))
    nameless = other.connect(world.without_name(_PRIVATE_RELAY))
    nameless.open()
    other.secure(nameless, client_hello(None, nameless.label), Talk())
    nameless.finish()


CASES = (Case("encrypted-dns", encrypted_dns), Case("vpn-and-relay", vpn_and_relay))
