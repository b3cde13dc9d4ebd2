"""Whom a client wants to reach, as tshark dissected it: TLS, DTLS and QUIC hellos, HTTP requests, SOCKS.

tshark gives no JA4 in version 4.0, so there is none here. A frame's first hello counts.
"""

import re
from typing import Final

import msgspec

from sensors.clienthello import ECH_PUBLIC_NAMES, ENCRYPTED_CLIENT_HELLO, ENCRYPTED_SERVER_NAME, GREASE
from sensors.observations import Carrier, EchState
from sensors.tshark_facts import Facts, Values, first, name, numbers
from sensors.tshark_place import TCP, Place

_CLIENT_HELLO: Final = 1
_SOCKS_CONNECT: Final = "1"
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
    hello = _hello(facts, place)
    return [*found, hello] if hello is not None else found


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
    if facts.gquic_name:
        return Greeting("quic", name(facts.gquic_name[0]))
    return None


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
