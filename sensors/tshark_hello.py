"""Whom a client wants to reach, as tshark dissected it: TLS, DTLS and QUIC hellos, HTTP requests, SOCKS.

Beside them: tunnels that conceal, and whose connection it is that a proxy passes on. tshark gives no JA4 in
version 4.0, so there is none here. A frame's first hello counts.
"""

import re
from typing import Final

import msgspec

from sensors.clienthello import ECH_PUBLIC_NAMES, ENCRYPTED_CLIENT_HELLO, ENCRYPTED_SERVER_NAME, GREASE
from sensors.observations import Carrier, EchState
from sensors.proxy_header import ProxiedEnds
from sensors.stun import ALLOCATE_REQUEST, BINDING_REQUEST
from sensors.tshark_facts import Facts, Values, address_bytes, first, name, number, numbers
from sensors.tshark_place import TCP, Place

_CLIENT_HELLO: Final = 1
_SOCKS_CONNECT: Final = "1"
_PROXY_STREAM: Final = 1  # version 2 says so, version 1 has nothing else
_WIREGUARD_INITIATION: Final = 1
_OPENVPN_RESETS: Final = (7, 10)  # of the client, version 2 and 3
# What an initiator of IKE sends first to a port: exchange, flags, whether the responder is unknown.
_IKE_BEGINNINGS: Final = {(34, 8, True), (35, 8, False), (2, 0, True), (4, 0, True), (2, 1, False)}
_AUTHORITY = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:\[([^\]]*)\]|([^:/?#]*))")


class Greeting(msgspec.Struct, frozen=True):
    """A name that a client asked for. ``opens_tunnel``: what it says next is for the other end."""

    carrier: Carrier
    server_name: str | None
    alpn: tuple[str, ...] = ()
    versions: tuple[int, ...] = ()
    ech: EchState = "none"
    opens_tunnel: bool = False


def greetings(facts: Facts, place: Place) -> list[Greeting]:
    """Return what the sender of a frame asks for, the outermost first."""
    found = []
    if place.transport == TCP:
        found += _socks(facts, place) + _http(facts)
    hello = _tunnel(facts, place) or _hello(facts, place)
    return [*found, hello] if hello is not None else found


def proxied_ends(facts: Facts, place: Place) -> ProxiedEnds | None:
    """Return the ends that a PROXY header names. Only the first bytes of a connection can be one."""
    if place.above[:1] != ("proxy",) or numbers(facts.proxy_protocol)[:1] not in ([], [_PROXY_STREAM]):
        return None
    client = address_bytes(first(facts.proxy_client or facts.proxy_client_6))
    server = address_bytes(first(facts.proxy_server or facts.proxy_server_6))
    if client is None or server is None:
        return None
    return ProxiedEnds(client, number(facts.proxy_client_port), server, number(facts.proxy_server_port))


def _tunnel(facts: Facts, place: Place) -> Greeting | None:
    """Return the beginning of a tunnel that conceals, or of media; it has no name."""
    carrier: Carrier | None = None
    if "wg" in place.above and number(facts.wireguard_type) == _WIREGUARD_INITIATION:
        carrier = "wireguard"
    elif "stun" in place.above and number(facts.stun_type) in (BINDING_REQUEST, ALLOCATE_REQUEST):
        carrier = "stun"
    elif "openvpn" in place.above and number(facts.openvpn_opcode) in _OPENVPN_RESETS:
        carrier = "openvpn"
    elif "isakmp" in place.above:
        unknown = not first(facts.ike_responder).strip("0")
        begins = (number(facts.ike_exchange), number(facts.ike_flags), unknown) in _IKE_BEGINNINGS
        carrier = "ike" if begins else None
    return Greeting(carrier, None) if carrier is not None else None


def _hello(facts: Facts, place: Place) -> Greeting | None:
    if _CLIENT_HELLO in numbers(facts.tls_message):
        return _client_hello(
            "quic" if "quic" in place.above else "tls",
            facts.tls_name,
            facts.tls_alpn,
            facts.tls_versions or facts.tls_version,
            facts.tls_extension,
        )
    if _CLIENT_HELLO in numbers(facts.dtls_message):
        return _client_hello(
            "dtls",
            facts.dtls_name,
            facts.dtls_alpn,
            facts.dtls_versions or facts.dtls_version,
            facts.dtls_extension,
        )
    named = first(facts.gquic_name)  # empty where it stands in another packet
    return Greeting("quic", name(named)) if named else None


def _client_hello(
    carrier: Carrier, names: Values, alpn: Values, versions: Values, extensions: Values
) -> Greeting:
    server_name = name(names[0]) if names else None
    offered = sorted(set(numbers(versions)) - GREASE, reverse=True)
    return Greeting(carrier, server_name, alpn, tuple(offered), _ech(numbers(extensions), server_name))


def _ech(extensions: list[int], server_name: str | None) -> EchState:
    if ENCRYPTED_SERVER_NAME in extensions:
        return "offered"
    if ENCRYPTED_CLIENT_HELLO not in extensions:
        return "none"
    return "offered" if server_name in ECH_PUBLIC_NAMES else "grease"


def _http(facts: Facts) -> list[Greeting]:
    """Read the first request: where its target names an authority, that counts before the Host field."""
    if not facts.http_method or not facts.http_target:
        return []
    target = facts.http_target[0]
    if facts.http_method[0] == "CONNECT":
        return [Greeting("http-connect", _host(target), opens_tunnel=True)]
    return [Greeting("http", _host(target if "://" in target else first(facts.http_host)))]


def _socks(facts: Facts, place: Place) -> list[Greeting]:
    """Read a request. tshark shows one on frames of the tunnel too, read from what stands there."""
    if first(facts.socks_command) != _SOCKS_CONNECT or place.above[-1:] != ("socks",):
        return []
    named = first(facts.socks_name) or first(facts.socks_name_4a)
    host = named or first(facts.socks_address) or first(facts.socks_address_6)
    return [Greeting("socks", name(host), opens_tunnel=True)] if host else []


def _host(authority: str) -> str | None:
    """Return the host of ``[scheme://]host[:port]``."""
    parts = _AUTHORITY.match(authority)
    host = (parts[1] or parts[2]) if parts else None
    return name(host) if host else None
