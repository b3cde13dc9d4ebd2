"""The payloads that are made one by one: first messages with a name in them, and DNS exchanges."""

from typing import NamedTuple

import numpy as np

from benchmarks.traffic.hello import record
from benchmarks.traffic.hosts import Host
from benchmarks.traffic.model import Array, Kind
from benchmarks.traffic.quic import V1, V2, initials
from benchmarks.traffic.recorded import quic_hello, tls_hello

_FIRST_SEGMENT_BYTES = 1_440  # fits IPv4 and IPv6 alike
_ENTROPY_BYTES = 88
_A, _AAAA, _HTTPS, _CNAME = 1, 28, 65, 5


class FlowFacts(NamedTuple):
    """What a flow's messages depend on."""

    kind: Kind
    host: Host
    v6: bool
    entropy: bytes


class Messages:
    """Makes the messages of flows, from recorded ClientHellos and from host records."""

    def __init__(self, hosts: list[Host], rng: np.random.Generator) -> None:
        self._hosts = hosts
        self._rng = rng
        self._hellos = {
            Kind.TLS: tls_hello("tls/api.openai.com"),
            Kind.TLS_SPLIT: tls_hello("tls-mlkem/api.openai.com"),
            Kind.QUIC: quic_hello("quic/chatgpt.com"),
            Kind.QUIC_SPLIT: quic_hello("quic/gemini.google.com"),
        }

    def of(self, flows: Array) -> list[list[bytes]]:
        """Return for each flow its messages in the order of the packets that carry them."""
        entropy = self._rng.bytes(_ENTROPY_BYTES * len(flows))
        columns = zip(flows["kind"].tolist(), flows["host"].tolist(), flows["v6"].tolist(), strict=True)
        found = []
        for number, (kind, host, v6) in enumerate(columns):
            own = entropy[number * _ENTROPY_BYTES : (number + 1) * _ENTROPY_BYTES]
            found.append(self._messages(FlowFacts(kind, self._hosts[host], v6, own)))
        return found

    def _messages(self, facts: FlowFacts) -> list[bytes]:
        if facts.kind == Kind.UDP:
            return []
        if facts.kind == Kind.DNS:
            return dns_exchange(facts)
        name = facts.host.name
        if facts.kind == Kind.HTTP:
            return [f"GET / HTTP/1.1\r\nHost: {name}\r\nAccept: */*\r\n\r\n".encode()]
        hello = self._hellos[facts.kind].message(name.encode(), facts.entropy)
        if facts.kind == Kind.TLS:
            return [record(hello)]
        if facts.kind == Kind.TLS_SPLIT:
            whole = record(hello)
            return [whole[:_FIRST_SEGMENT_BYTES], whole[_FIRST_SEGMENT_BYTES:]]
        return _quic_handshake(hello, facts.entropy)


def dns_exchange(facts: FlowFacts) -> list[bytes]:
    """Return a query and its answer: A or AAAA, one time in eight HTTPS with an address hint (RFC 9460)."""
    host, entropy = facts.host, facts.entropy
    address = host.v6 if facts.v6 else host.v4
    kind = _HTTPS if entropy[2] < 32 else (_AAAA if facts.v6 else _A)
    question = _dns_name(host.name) + kind.to_bytes(2, "big") + b"\0\x01"
    query = entropy[:2] + bytes.fromhex("0100 0001 0000 0000 0000") + question
    ttl = (60 + entropy[3]).to_bytes(4, "big")
    owner = b"\xc0\x0c"
    records = b""
    if host.cname:
        target = _dns_name(host.cname)
        records = owner + _CNAME.to_bytes(2, "big") + b"\0\x01" + ttl + _sized(target)
        owner = (0xC000 | 12 + len(question) + 12).to_bytes(2, "big")
    data = _svcb(address) if kind == _HTTPS else address
    records += owner + kind.to_bytes(2, "big") + b"\0\x01" + ttl + _sized(data)
    count = 2 if host.cname else 1
    head = entropy[:2] + bytes.fromhex("8180 0001") + count.to_bytes(2, "big") + bytes(4)
    return [query, head + question + records]


def _quic_handshake(hello: bytes, entropy: bytes) -> list[bytes]:
    """Return the client's Initials, two datagrams of the server's and one more of the client's.

    Those after the Initials are sealed noise behind long headers (RFC 9000 section 17.2): no tap can open
    the Handshake packets of a real connection either.
    """
    version = V2 if entropy[64] < 12 else V1
    destination_id, server_id = entropy[72:80], entropy[80:88]
    cuts = 3 if entropy[65] < 64 else 1
    number = version.number.to_bytes(4, "big")
    initial, handshake = (0xD0, 0xF0) if version is V2 else (0xC0, 0xE0)
    sealed = (entropy * 14)[:1_180]
    down = number + b"\0\x08" + server_id
    up = number + b"\x08" + server_id + b"\0"
    size = (0x4000 | len(sealed)).to_bytes(2, "big")
    return [
        *initials(version, destination_id, hello, cuts),
        bytes([initial]) + down + b"\0" + size + sealed,
        bytes([handshake]) + down + size + sealed,
        bytes([handshake]) + up + size + sealed,
    ]


def _svcb(address: bytes) -> bytes:
    """Return an HTTPS record's data: priority 1, the owner itself, alpn h3 and h2, one address hint."""
    hint = b"\0\x06\0\x10" if len(address) == 16 else b"\0\x04\0\x04"
    return bytes.fromhex("0001 00 0001 0006 02 6833 02 6832") + hint + address


def _dns_name(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data
