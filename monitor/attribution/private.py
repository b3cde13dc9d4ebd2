"""Addresses of private networks: whose they are, no data set knows. Pure."""

import ipaddress

from monitor.catalog.hostmatch import parse_address

_PRIVATE = tuple(
    ipaddress.ip_network(prefix) for prefix in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)


def is_private(address: str) -> bool:
    """Whether the address is one of private networks: RFC 1918, or unique local (RFC 4193)."""
    parsed = parse_address(address)
    return parsed is not None and any(
        parsed in network for network in _PRIVATE if network.version == parsed.version
    )
