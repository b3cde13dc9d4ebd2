"""Where the parts of the stack listen: ports of this host alone."""

import socket
from pathlib import Path

import msgspec

from monitor.files import InputError

HOST = "127.0.0.1"
_OFFSETS = {"prometheus": 0, "metrics": 1, "alertmanager": 3}  # as far apart as 9090 and 9093 are


class Addresses(msgspec.Struct, frozen=True):
    """The ports, by what listens there."""

    prometheus: int
    metrics: int
    alertmanager: int

    def url(self, part: str) -> str:
        """Return the address of a part."""
        return f"http://{HOST}:{getattr(self, part)}"

    def write(self, path: Path) -> None:
        """Leave the addresses for programs."""
        path.write_bytes(msgspec.json.encode({part: self.url(part) for part in _OFFSETS}) + b"\n")


def choose(base: int) -> Addresses:
    """Return ports from ``base`` on, or any that are free where it is 0. Raises InputError: one is taken."""
    if base:
        return Addresses(**{part: _free(base + offset) for part, offset in _OFFSETS.items()})
    with socket.socket() as one, socket.socket() as another, socket.socket() as third:
        for each in (one, another, third):  # all at once, so that they differ
            each.bind((HOST, 0))
        ports = [each.getsockname()[1] for each in (one, another, third)]
    return Addresses(*ports)


def _free(port: int) -> int:
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what was closed lately is free
        try:
            attempt.bind((HOST, port))
        except OSError as error:
            problem = (error.strerror or str(error)).lower()
            raise InputError(f"{HOST}:{port}", problem, "choose others: make stack PORT_BASE=29090") from None
    return port
