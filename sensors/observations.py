r"""The observations: all that a sensor says, and all that crosses from a sensor to the monitor.

Frozen values without behaviour. Times are nanoseconds since the Unix epoch, taken from packets. Addresses
are text in canonical form (RFC 5952 for IPv6). Names are lower-case, without the trailing dot; a byte that
is not printable ASCII stands as ``\xNN`` (so a hostile name stays one harmless word).
"""

from typing import Literal

import msgspec

Transport = Literal["tcp", "udp"]
Carrier = Literal[
    "tls", "quic", "dtls", "http-connect", "socks", "http", "wireguard", "openvpn", "ike", "stun"
]
EchState = Literal["none", "grease", "offered"]
EndReason = Literal["fin", "rst", "idle", "active", "evicted", "end"]
GapReason = Literal["interface", "ring", "table", "snaplen", "fragment", "decode"]


class FlowKey(msgspec.Struct, frozen=True):
    """A five-tuple seen from the client (who opened it), and where on the wire it was seen."""

    client: str
    client_port: int
    server: str
    server_port: int
    transport: Transport
    vlan: int | None = None  # the outermost 802.1Q identifier
    tunnel: str | None = None  # the encapsulation the flow was found in, outermost first

    def order(self) -> tuple[str, int, str, int, str, int, str]:
        """A key to sort flows by."""
        vlan = -1 if self.vlan is None else self.vlan
        return (
            self.client,
            self.client_port,
            self.server,
            self.server_port,
            self.transport,
            vlan,
            self.tunnel or "",
        )


class NameResolved(msgspec.Struct, frozen=True, tag="name_resolved"):
    """One DNS answer as its asker received it (RFC 1035; RFC 9460 for HTTPS and SVCB).

    ``cnames`` is the alias chain in order from ``qname``; ``addresses`` are those at its end, with the
    address hints of HTTPS and SVCB records; ``ttl`` is the smallest on the way, in seconds.
    ``ech_public_names`` are the outer names of the ECH configurations handed out (RFC 9849).
    """

    ts_ns: int
    client: str
    resolver: str
    qname: str
    qtype: int
    rcode: int
    cnames: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    ttl: int = 0
    ech_public_names: tuple[str, ...] = ()


class HelloSeen(msgspec.Struct, frozen=True, tag="hello_seen"):
    """The first message in which a client says whom it wants to reach, or that it conceals that.

    The carriers "wireguard", "openvpn" and "ike" are tunnels that conceal, "stun" is how media begins: they
    have no name.

    ``complete`` is false when bytes of the message are missing (snap length, loss, eviction): the fields
    then hold what could be read. ``versions`` are those of TLS or DTLS that were offered, as the numbers on
    the wire, highest first.
    ``ech`` is "offered" when the outer name is a known ECH public name, "grease" for any other ECH
    extension: from one hello the two cannot be told apart (RFC 9849 section 6.2), DNS can say more.
    ``rtt_ns`` is the handshake's, where the capture holds it.
    """

    ts_ns: int
    flow: FlowKey
    carrier: Carrier
    server_name: str | None
    alpn: tuple[str, ...] = ()
    versions: tuple[int, ...] = ()
    ech: EchState = "none"
    ja4: str | None = None
    complete: bool = True
    rtt_ns: int | None = None


class FlowUpdate(msgspec.Struct, frozen=True, tag="flow_update"):
    """Totals of a flow since ``first_ns``. The last update of a flow is ``final`` and says why it ended.

    Bytes are those of the IP packets as they were on the wire, not as captured. ``handshake_rtt_ns`` is
    SYN to SYN-ACK, or first datagram of QUIC or DTLS to first answer: the first SYN counts, so that a
    retransmission can only make it larger. ``first_byte_ns`` is from the client's first payload byte to the
    server's.
    """

    ts_ns: int
    flow: FlowKey
    first_ns: int
    packets_up: int
    packets_down: int
    bytes_up: int
    bytes_down: int
    handshake_rtt_ns: int | None = None
    first_byte_ns: int | None = None
    midstream: bool = False  # the capture does not hold the flow's start
    final: bool = True
    reason: EndReason = "end"


class DataSeen(msgspec.Struct, frozen=True, tag="data_seen"):
    """The first packet after a client's hello that may hold application data. Only a live sensor says it.

    ``bytes_up`` is what had gone up on the flow before that packet. What was said of the flow by then was
    said before its data went. There is one for each hello that data follows, and not another hello in a
    tunnel. "May hold" is read early rather than late:

    - TLS: a segment with anything but whole records of handshake and change_cipher_spec. The sealed Finished
      of TLS 1.3 counts, and 0-RTT behind the hello. Likewise what follows a proxy's target, but what is read
      as the beginning of a hello in the proxy's tunnel is no data before it turns out to be none.
    - QUIC: a datagram with a packet of 0-RTT or 1-RTT, the hello's own too.
    - DTLS: a record of application data, one sealed so that its type is hidden, or media beside it.
    - plain HTTP: whatever follows the request's head.

    What is sent again of a hello is no data. Tunnels that conceal, and STUN, have none.
    """

    ts_ns: int
    flow: FlowKey
    bytes_up: int


class Gap(msgspec.Struct, frozen=True, tag="gap"):
    """Traffic between ``since_ns`` and ``ts_ns`` that was on the wire and could not be observed.

    With reason "ring" (the kernel dropped it) ``bytes`` is 0: nobody knows.
    """

    ts_ns: int
    since_ns: int
    packets: int
    bytes: int
    reason: GapReason


Observation = NameResolved | HelloSeen | FlowUpdate | DataSeen | Gap


class Count(msgspec.Struct, frozen=True):
    """Packets and their bytes on the wire."""

    packets: int = 0
    bytes: int = 0


class Fault(msgspec.Struct, frozen=True):
    """A place where an input file could not be read on. What stood before it was read.

    ``kind``: "unreadable" (nothing could be read), "truncated" (the file ends inside a record) or
    "corrupt" (a record makes no sense). ``mend`` says what a person can do.
    """

    path: str
    offset: int
    kind: Literal["unreadable", "truncated", "corrupt"]
    problem: str
    mend: str

    def line(self) -> str:
        """The fault as the one line that a person reads."""
        return f"{self.path}: offset {self.offset}: {self.problem}; {self.mend}"


class Accounting(msgspec.Struct, frozen=True):
    """What became of every packet read: ``read`` equals the sum of ``decoded`` and ``undecoded``.

    ``decoded`` is by protocol ("tcp", "udp", "icmp", "arp", ...), ``undecoded`` by reason
    ("unknown-ethertype", "malformed-ipv4", "truncated-tcp", ...). ``counters`` holds every other event
    that the sensor counts ("malformed-dns", "evicted-flows", ...).
    """

    read: Count
    decoded: dict[str, Count]
    undecoded: dict[str, Count]
    counters: dict[str, int]
    faults: tuple[Fault, ...] = ()
    first_ns: int | None = None  # the time of the first packet
    last_ns: int | None = None  # the latest time of any packet
