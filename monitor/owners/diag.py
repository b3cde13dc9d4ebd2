"""The kernel's socket diagnosis (sock_diag(7); linux/inet_diag.h): one question, one answer. Pure."""

import ipaddress
import struct
from ipaddress import IPv4Address, IPv6Address

import msgspec

from monitor.owners.messages import MalformedError, attributes

BY_FAMILY = 20  # SOCK_DIAG_BY_FAMILY
INET, INET6 = 2, 10  # AF_INET, AF_INET6
TCP, UDP = 6, 17
LISTEN = 10  # TCP_LISTEN
ALL_STATES = 0xFFFFFFFF

Address = IPv4Address | IPv6Address

_ASK = struct.Struct("=BBBBI")  # inet_diag_req_v2 before its socket: family, protocol, extensions, -, states
_SOCKET = struct.Struct("!HH16s16s")  # inet_diag_sockid: both ports, both addresses
_ANY_COOKIE = struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)  # on any interface; INET_DIAG_NOCOOKIE
_HEAD = struct.Struct("=BBBB")  # inet_diag_msg before its socket: family, state, timer, retransmissions
_TAIL = struct.Struct("=IIIII")  # behind it: expires, both queues, uid, inode
_TAIL_AT = _HEAD.size + _SOCKET.size + len(_ANY_COOKIE)
_NUMBER = struct.Struct("=Q")
_SKV6ONLY, _CGROUP_ID = 11, 21  # INET_DIAG_SKV6ONLY, INET_DIAG_CGROUP_ID


class Ends(msgspec.Struct, frozen=True):
    """A socket's two ends, as the socket sees them; zero is any."""

    local: Address
    local_port: int
    remote: Address
    remote_port: int

    def turned(self) -> "Ends":
        """Return the ends as the other side sees them."""
        return Ends(self.remote, self.remote_port, self.local, self.local_port)


class Held(msgspec.Struct, frozen=True):
    """A socket of this host. ``inode`` is 0 where no process holds it; ``cgroup`` is its cgroup2 number."""

    state: int
    ends: Ends
    uid: int
    inode: int
    cgroup: int | None = None
    only_v6: bool = False


def question(family: int, protocol: int, ends: Ends, states: int = ALL_STATES) -> bytes:
    """Return the body of a `BY_FAMILY` request for sockets with these ends, in these states (a bit each)."""
    named = _SOCKET.pack(
        ends.local_port, ends.remote_port, _padded(ends.local.packed), _padded(ends.remote.packed)
    )
    return _ASK.pack(family, protocol, 0, 0, states) + named + _ANY_COOKIE


def held(body: bytes) -> Held:
    """Return the socket that an answer's body describes."""
    if len(body) < _TAIL_AT + _TAIL.size:
        raise MalformedError("socket diagnosis cut short")
    family, state, _, _ = _HEAD.unpack_from(body)
    local_port, remote_port, local, remote = _SOCKET.unpack_from(body, _HEAD.size)
    _, _, _, uid, inode = _TAIL.unpack_from(body, _TAIL_AT)
    ends = Ends(_address(family, local), local_port, _address(family, remote), remote_port)
    extra = attributes(body[_TAIL_AT + _TAIL.size :])
    cgroup = extra.get(_CGROUP_ID, b"")
    number = _NUMBER.unpack(cgroup)[0] if len(cgroup) == _NUMBER.size else None
    return Held(state, ends, uid, inode, number, any(extra.get(_SKV6ONLY, b"")))


def _padded(packed: bytes) -> bytes:
    return packed.ljust(16, b"\0")


def _address(family: int, packed: bytes) -> Address:
    if family == INET:
        return ipaddress.IPv4Address(packed[:4])
    if family == INET6:
        whole = ipaddress.IPv6Address(packed)
        return whole.ipv4_mapped or whole
    raise MalformedError(f"address family {family} is no internet family")
