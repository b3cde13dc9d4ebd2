"""What finds a connection's packets in Wireshark: a display filter. Pure.

It holds numbers and addresses alone, so that no text from the wire gets into a command of its reader.
"""

import ipaddress

from monitor.report.types import Reference

_SECOND_NS = 1_000_000_000
_WHOLE = 4  # two addresses and two ports


def display_filter(reference: Reference) -> str:
    """Return the filter: that of the whole connection, or of its first packet where the client is withheld.

    Addresses that are pseudonyms, and those that a PROXY header claims, are in no packet's IP header: then
    the time and what else is known have to do.
    """
    flow = reference.flow
    parts = []
    if "proxy:" not in (flow.tunnel or ""):
        parts += [_address(each) for each in (flow.client, flow.server)]
        parts += [f"{flow.transport}.port == {port}" for port in (flow.server_port, flow.client_port) if port]
    parts = [part for part in parts if part]
    if len(parts) < _WHOLE:
        parts.append(f"frame.time_epoch == {_seconds(reference.ts_ns)}")
    return " && ".join(parts)


def _address(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        return f"ipv6.addr == {ipaddress.IPv6Address(int(address))}"  # without a zone, which is free text
    return f"ip.addr == {address}"


def _seconds(ts_ns: int) -> str:
    return f"{ts_ns // _SECOND_NS}.{ts_ns % _SECOND_NS:09d}"
