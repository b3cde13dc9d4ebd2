"""The two tables that everything passes on: flows, and events (one packet each)."""

from enum import IntEnum, IntFlag
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
START_NS = 1_773_133_200_000_000_000  # 2026-03-10T09:00:00Z
SECOND_NS, MS_NS, US_NS = 1_000_000_000, 1_000_000, 1_000


class Kind(IntEnum):
    """What a flow is. The split kinds have a first message of two packets."""

    TLS = 0
    TLS_SPLIT = 1
    QUIC = 2
    QUIC_SPLIT = 3
    HTTP = 4
    DNS = 5
    UDP = 6


class Close(IntEnum):
    """How a TCP flow ends."""

    FIN = 0
    RST = 1
    OPEN = 2


class Flag(IntFlag):
    """TCP control bits (RFC 9293 section 3.1)."""

    FIN = 0x01
    SYN = 0x02
    RST = 0x04
    PSH = 0x08
    ACK = 0x10


TCP_KINDS = (Kind.TLS, Kind.TLS_SPLIT, Kind.HTTP)
SPLIT_KINDS = (Kind.TLS_SPLIT, Kind.QUIC_SPLIT)
BODY_KINDS = (Kind.TLS, Kind.TLS_SPLIT, Kind.QUIC, Kind.QUIC_SPLIT, Kind.HTTP)

FLOW = np.dtype(
    [
        ("start_ns", "i8"),
        ("rtt_ns", "i8"),
        ("gap_ns", "i8"),  # between two packets of the body, on average
        ("body", "i4"),  # packets of bulk data and their acknowledgements
        ("client", "i4"),  # row of the endpoints' clients
        ("server", "i4"),  # row of the endpoints' servers
        ("host", "i4"),  # row of the names
        ("seq_up", "u4"),
        ("seq_down", "u4"),
        ("client_port", "u2"),
        ("server_port", "u2"),
        ("kind", "u1"),
        ("close", "u1"),
        ("v6", "?"),
        ("upload", "?"),
        ("reordered", "?"),  # the two packets of the first message pass in the wrong order
        ("retransmitted", "?"),  # the first packet of the first message passes twice
    ]
)

EVENT = np.dtype(
    [
        ("ts_ns", "i8"),
        ("flow", "i4"),
        ("payload", "i4"),  # from 0: an offset in the noise; below: the message with the number ~payload
        ("seq", "u4"),
        ("ack", "u4"),
        ("size", "u2"),  # bytes of payload
        ("flags", "u1"),
        ("up", "?"),
    ]
)


class Endpoints(NamedTuple):
    """Addresses as network-order bytes: rows of 4, and rows of 16 for the same machine's IPv6."""

    clients_v4: Array
    clients_v6: Array
    servers_v4: Array
    servers_v6: Array


def is_kind(flows: Array, kinds: tuple[Kind, ...]) -> Array:
    """Return which flows are of one of the kinds."""
    return np.isin(flows["kind"], kinds)
