"""Finds the socket at a flow's client end.

It is asked for by its five-tuple. A UDP socket that is not connected has none: then every socket of the port
that may have sent is a candidate, and it is taken where there is only one.
"""

import ipaddress
from typing import Literal

from monitor.owners.diag import BY_FAMILY, INET, INET6, LISTEN, TCP, UDP, Address, Ends, Held, held, question
from monitor.owners.link import Link, UnansweredError
from monitor.owners.messages import MalformedError
from sensors.observations import FlowKey

_ANY: dict[int, Address] = {INET: ipaddress.IPv4Address(0), INET6: ipaddress.IPv6Address(0)}
_FAMILIES = {INET: (INET, INET6), INET6: (INET6,)}  # an IPv6 socket may speak IPv4

Missed = Literal["gone", "ambiguous", "unanswered"]


class Sockets:
    """The kernel's sockets of one network namespace."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def check(self) -> None:
        """Make the kernel load what answers for each transport. Raises UnansweredError where it has none."""
        nobody = Ends(_ANY[INET], 1, _ANY[INET], 0)
        for protocol in (TCP, UDP):
            self._link.ask(BY_FAMILY, question(INET, protocol, nobody, 1 << LISTEN), dump=True)

    def find(self, flow: FlowKey) -> Held | Missed:
        """Return the socket that the flow's client end is, or why none can be told."""
        try:
            ends = Ends(_parsed(flow.client), flow.client_port, _parsed(flow.server), flow.server_port)
            found = self._tcp(ends) if flow.transport == "tcp" else self._udp(ends)
        except (UnansweredError, MalformedError):
            return "unanswered"
        if len(found) > 1:
            return "ambiguous"
        return found[0] if found and found[0].inode else "gone"

    def _tcp(self, ends: Ends) -> list[Held]:
        """Ask for a connection. The kernel offers a listening socket of the port where there is none."""
        found = self._ask(_family(ends.local), TCP, ends)
        return [each for each in found if each.ends == ends and each.state != LISTEN]

    def _udp(self, ends: Ends) -> list[Held]:
        """Ask for a connected socket, then for those that may send to anyone.

        Asked for one socket, the kernel takes the question of UDP from the other side's view, "for historical
        reasons" (net/ipv4/udp_diag.c).
        """
        family = _family(ends.local)
        connected = [each for each in self._ask(family, UDP, ends.turned()) if each.ends == ends]
        if connected:
            return connected
        return [
            each
            for one in _FAMILIES[family]
            for each in self._ask(one, UDP, Ends(_ANY[one], ends.local_port, _ANY[one], 0), dump=True)
            if _may_send(each, ends)
        ]

    def _ask(self, family: int, protocol: int, ends: Ends, *, dump: bool = False) -> list[Held]:
        return [held(body) for body in self._link.ask(BY_FAMILY, question(family, protocol, ends), dump=dump)]


def _may_send(socket: Held, ends: Ends) -> bool:
    """Tell whether a socket may be the local end: of its address or of any, connected to it or to nobody."""
    mine, bound = socket.ends, socket.ends.local
    if mine.local_port != ends.local_port or socket.ends.remote_port not in {0, ends.remote_port}:
        return False
    if mine.remote_port and mine.remote != ends.remote:
        return False
    if bound.is_unspecified:
        return bound.version == ends.local.version or (bound.version == 6 and not socket.only_v6)
    return bound == ends.local


def _parsed(text: str) -> Address:
    return ipaddress.IPv6Address(text) if ":" in text else ipaddress.IPv4Address(text)


def _family(address: Address) -> int:
    return INET if address.version == 4 else INET6
