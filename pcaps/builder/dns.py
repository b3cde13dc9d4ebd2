"""DNS exchanges between a client and its resolver: over UDP, over TCP, or with a fragmented answer."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from scapy.layers.dns import DNS, DNSQR, DNSRR, DNSRRHTTPS, DNSRROPT, SvcParam, dns_compress
from scapy.layers.inet import UDP
from scapy.packet import Packet

from pcaps.builder.network import Network, noise
from pcaps.builder.tcp import Conversation, Server

RESOLVER = Server(None, "10.0.0.53", rtt_ms=1.4, port=53)
RESOLVER_V6 = Server(None, "fd00:10::53", rtt_ms=1.4, port=53)
SMALL_MTU_BYTES = 576
_EDNS_BYTES = 1_232  # what resolvers advertise since DNS Flag Day 2020


class Answer(NamedTuple):
    """What the resolver says about a name: the aliases in order, then the addresses at their end.

    An answer without ``alpn`` has A or AAAA records, as its addresses are; one with it is an HTTPS record
    (RFC 9460) with address hints and, if ``ech_public_name`` is set, an ECH configuration list.
    """

    name: str
    addresses: Sequence[str]
    cnames: Sequence[str] = ()
    ttl: int = 60
    alpn: Sequence[str] = ()
    ech_public_name: str | None = None

    @property
    def kind(self) -> str:
        """The type of the record asked for."""
        if self.alpn:
            return "HTTPS"
        return "AAAA" if ":" in self.addresses[0] else "A"


def exchange_udp(network: Network, client: tuple[str, int], answer: Answer) -> None:
    """Ask and answer in two datagrams."""
    resolver = resolver_for(client[0])
    _ask(network, client, answer)
    reply = UDP(sport=resolver.port, dport=client[1]) / _reply(client, answer)
    network.send(client[0], resolver.address, reply, down=True)
    network.wait(us=90)


def exchange_fragmented(network: Network, client: tuple[str, int], answer: Answer) -> None:
    """Ask, and be answered in IP fragments, the last one first."""
    resolver = resolver_for(client[0])
    _ask(network, client, answer)
    reply = UDP(sport=resolver.port, dport=client[1]) / _reply(client, answer)
    network.send_fragments(client[0], resolver.address, reply, mtu=SMALL_MTU_BYTES)
    network.wait(us=90)


def exchange_tcp(network: Network, client: tuple[str, int], answer: Answer) -> None:
    """Ask over UDP, be told that the answer is too long for it, and ask again over TCP (RFC 7766)."""
    resolver = resolver_for(client[0])
    _ask(network, client, answer)
    refusal = DNS(id=_identifier(client, answer), qr=1, tc=1, rd=1, ra=1, qd=_question(answer))
    network.send(client[0], resolver.address, UDP(sport=resolver.port, dport=client[1]) / refusal, down=True)
    network.wait(us=200)
    conversation = Conversation(network, client, resolver)
    conversation.open()
    conversation.up(_framed(_query(client, answer)))
    conversation.down(_framed(_reply(client, answer)))
    conversation.finish()
    network.wait(us=90)


def resolver_for(client: str) -> Server:
    """Return the resolver of the client's address family."""
    return RESOLVER_V6 if ":" in client else RESOLVER


def _ask(network: Network, client: tuple[str, int], answer: Answer) -> None:
    resolver = resolver_for(client[0])
    query = UDP(sport=client[1], dport=resolver.port) / _query(client, answer)
    network.send(client[0], resolver.address, query)
    network.wait(ms=resolver.rtt_ms)


def _identifier(client: tuple[str, int], answer: Answer) -> int:
    return int.from_bytes(noise(f"dns {client} {answer.name} {answer.kind}", 2), "big")


def _question(answer: Answer) -> list[Packet]:
    return [DNSQR(qname=answer.name, qtype=answer.kind)]


def _query(client: tuple[str, int], answer: Answer) -> Packet:
    options = [DNSRROPT(rclass=_EDNS_BYTES)]
    return DNS(id=_identifier(client, answer), rd=1, qd=_question(answer), ar=options)


def _reply(client: tuple[str, int], answer: Answer) -> Packet:
    owners = [answer.name, *answer.cnames]
    records: list[Packet] = [
        DNSRR(rrname=owner, type="CNAME", ttl=answer.ttl, rdata=target) for owner, target in pairwise(owners)
    ]
    if answer.alpn:
        records.append(_https(owners[-1], answer))
    else:
        records += [
            DNSRR(rrname=owners[-1], type=answer.kind, ttl=answer.ttl, rdata=address)
            for address in answer.addresses
        ]
    message = DNS(
        id=_identifier(client, answer),
        qr=1,
        rd=1,
        ra=1,
        qd=_question(answer),
        an=records,
        ar=[DNSRROPT(rclass=_EDNS_BYTES)],
    )
    return message if answer.alpn else dns_compress(message)  # type: ignore[no-untyped-call]


def _https(owner: str, answer: Answer) -> Packet:
    parameters = [SvcParam(key="alpn", value=list(answer.alpn))]
    hints = {4: "ipv4hint", 6: "ipv6hint"}
    v4 = [address for address in answer.addresses if ":" not in address]
    v6 = [address for address in answer.addresses if ":" in address]
    if v4:
        parameters.append(SvcParam(key=hints[4], value=v4))
    if answer.ech_public_name:
        parameters.append(SvcParam(key="ech", value=ech_configurations(answer.ech_public_name)))
    if v6:
        parameters.append(SvcParam(key=hints[6], value=v6))
    return DNSRRHTTPS(rrname=owner, ttl=answer.ttl, svc_priority=1, target_name=".", svc_params=parameters)


def ech_configurations(public_name: str) -> bytes:
    """Return an ECHConfigList with one configuration (RFC 9849 section 4): X25519, AES-128-GCM."""
    name = public_name.encode()
    key = noise(f"ech key {public_name}", 32)
    contents = (
        b"\x47"  # config_id
        + bytes.fromhex("0020")  # DHKEM(X25519, HKDF-SHA256)
        + len(key).to_bytes(2, "big")
        + key
        + bytes.fromhex("0004 0001 0001")
        + b"\x00"  # maximum_name_length
        + bytes([len(name)])
        + name
        + bytes(2)  # no extensions
    )
    configuration = bytes.fromhex("fe0d") + len(contents).to_bytes(2, "big") + contents
    return len(configuration).to_bytes(2, "big") + configuration


def _framed(message: Packet) -> bytes:
    data = bytes(message)
    return len(data).to_bytes(2, "big") + data
