"""Opens the socket of the HTTP endpoint, before privileges are dropped."""

import errno
import ipaddress
import socket

from monitor.files import InputError

BACKLOG = 8

_MENDS = {
    errno.EADDRINUSE: ("another process listens there", "stop it, or set another metrics.port"),
    errno.EACCES: ("not permitted", "set a metrics.port above 1023"),
    errno.EADDRNOTAVAIL: (
        "this host has no such address",
        "set metrics.address to 127.0.0.1, or to one it has",
    ),
}


def listen(address: str, port: int) -> socket.socket:
    """Return a socket that listens on an address of this host; port 0 is any free one. Raises InputError."""
    where = f"metrics: {address} port {port}"
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        raise InputError(where, "that is no IP address", "write one, such as 127.0.0.1 or ::1") from None
    family = socket.AF_INET if parsed.version == 4 else socket.AF_INET6
    both = parsed.version == 6 and parsed.is_unspecified and socket.has_dualstack_ipv6()
    try:
        return socket.create_server((address, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
    except OSError as error:
        said = (error.strerror or type(error).__name__).lower()
        mend = "check metrics.address and metrics.port"
        raise InputError(where, *_MENDS.get(error.errno or 0, (said, mend))) from None
