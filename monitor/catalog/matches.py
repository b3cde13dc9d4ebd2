"""Reads hosts, patterns and prefixes as catalogue files write them, and says what is wrong with one. Pure."""

import ipaddress
import re

from monitor.catalog.hostmatch import MAX_NAME, parse_address

_HOST = re.compile(r"[a-z0-9_*-]+(?:\.[a-z0-9_*-]+)*")
_TWO_STARS = re.compile(r"\*[^.]*\*")


class MistakeError(Exception):
    """What is wrong with an entry, at one of its keys."""

    def __init__(self, key: str, problem: str, mend: str) -> None:
        super().__init__(problem)
        self.key = key
        self.problem = problem
        self.mend = mend


def read_host(text: str) -> str:
    """The host name or pattern in the form that indexes take. Raises MistakeError."""
    host = text.lower().removesuffix(".")
    if len(host) > MAX_NAME or not _HOST.fullmatch(host):
        raise MistakeError("host", f"{text!r} is no host name", "write labels of letters, digits, - and _")
    if "*" in host and (_TWO_STARS.search(host) or "*" in host.rpartition(".")[2]):
        mend = "use * once in a label, and never in the last one"
        raise MistakeError("host", f"pattern {text!r} is too wide", mend)
    if host[-1].isdigit() and parse_address(host) is not None:
        raise MistakeError("host", f"{text!r} is an address", "write it under `cidr:`")
    return host


def read_prefix(text: str) -> str:
    """The prefix in canonical form; an address alone is one. Raises MistakeError."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        mend = "write 192.0.2.0/24 or 2001:db8::/32"
        raise MistakeError("cidr", f"{text!r} is no address prefix", mend) from None
    if "/" in text and network.network_address != ipaddress.ip_address(text.partition("/")[0]):
        raise MistakeError("cidr", f"{text!r} has bits beyond its length", f"write {network}")
    return str(network)
