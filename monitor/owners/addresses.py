"""The addresses of this host's network namespace (rtnetlink(7)); read again when one is missed."""

import ipaddress
import struct

from monitor.owners.link import Link, UnansweredError
from monitor.owners.messages import MalformedError, attributes

REFRESH_NS = 5_000_000_000  # at most once in that time

_GET_ADDRESSES = 22  # RTM_GETADDR, which answers with RTM_NEWADDR
_HEAD = struct.Struct("=BBBBI")  # ifaddrmsg: family, prefix length, flags, scope, interface
_ADDRESS, _LOCAL = 1, 2  # IFA_ADDRESS is the peer's on a point-to-point interface
_LOOPBACK = "127."


class LocalAddresses:
    """Asked by address in canonical text. One that was taken away counts until the next reading."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._read_ns: int | None = None
        self._addresses: frozenset[str] = frozenset()

    def holds(self, address: str, now_ns: int) -> bool:
        """Tell whether an address is this host's."""
        if address.startswith(_LOOPBACK) or address in self._addresses:
            return True
        if self._read_ns is not None and now_ns - self._read_ns < REFRESH_NS:
            return False
        self._read_ns = now_ns
        try:
            self._addresses = _read(self._link)
        except UnansweredError:  # the addresses known stay; the next miss asks again
            return False
        return address in self._addresses


def _read(link: Link) -> frozenset[str]:
    answers = link.ask(_GET_ADDRESSES, _HEAD.pack(0, 0, 0, 0, 0), dump=True)
    try:
        return frozenset(filter(None, map(address_of, answers)))
    except MalformedError as error:
        raise UnansweredError(str(error)) from error


def address_of(body: bytes) -> str | None:
    """Return the address that an RTM_NEWADDR message tells of, or null where it is no internet address."""
    if len(body) < _HEAD.size:
        raise MalformedError("address message cut short")
    found = attributes(body[_HEAD.size :])
    packed = found.get(_LOCAL, found.get(_ADDRESS, b""))
    return str(ipaddress.ip_address(packed)) if len(packed) in {4, 16} else None
