"""Who is reached: names with their addresses, aliases and popularity."""

import hashlib
from ipaddress import IPv4Network
from pathlib import Path
from typing import NamedTuple

_FOLDER = Path(__file__).resolve().parent
_PREFIXES = (  # of large hosters and content networks, for the ordinary names
    "104.16.0.0/13",
    "151.101.0.0/16",
    "13.32.0.0/15",
    "18.192.0.0/15",
    "142.250.0.0/15",
    "20.50.0.0/16",
    "52.84.0.0/15",
    "23.192.0.0/11",
    "185.60.216.0/22",
    "95.100.0.0/15",
    "193.99.144.0/24",
    "81.200.192.0/20",
)
_MIXED = ("cloudflare.com", "salesforce.com", "snowflakecomputing.com")  # LLM endpoints among other things
_LABELS = ("www", "api", "cdn", "static", "img", "login", "app", "m", "assets", "data", "mail", "t")


class Host(NamedTuple):
    """One name, where it leads, and whether it is an LLM endpoint."""

    name: str
    v4: bytes
    v6: bytes
    cname: str | None
    llm: bool

    @property
    def is_ordinary(self) -> bool:
        """Whether no LLM endpoint can be behind the name."""
        return not self.llm and not self.name.endswith(_MIXED)

    def below(self, label: str) -> "Host":
        """Return a host one label below this one, which stands at the same addresses."""
        return self._replace(name=f"{label}.{self.name}", cname=None)


def load_hosts() -> list[Host]:
    """Return all hosts: the LLM endpoints first, then the ordinary ones, both from most to least popular."""
    llm = [line.split() for line in _lines("llm_hosts.txt")]
    domains = _lines("other_hosts.txt")
    hosts = [_host(name, prefix, llm=True) for name, prefix in llm]
    for index, label in enumerate(_LABELS):
        for domain in domains[index % 3 :: 1 + index // 3]:  # the later labels exist in fewer places
            name = f"{label}.{domain}"
            hosts.append(_host(name, _PREFIXES[_digest(domain)[0] % len(_PREFIXES)], llm=False))
    return hosts


def _host(name: str, prefix: str, *, llm: bool) -> Host:
    digest = _digest(name)
    network = IPv4Network(prefix)
    offset = int.from_bytes(digest[:4], "big") % network.num_addresses
    v4 = network[offset].packed
    v6 = bytes.fromhex("2a02") + network.network_address.packed[:2] + digest[4:8] + bytes(4) + v4
    cname = f"{name}.{('cdn.example.net', 'edge.example.com')[digest[9] % 2]}" if digest[8] % 3 == 0 else None
    return Host(name, v4, v6, cname, llm)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _lines(file_name: str) -> list[str]:
    text = (_FOLDER / file_name).read_text(encoding="ascii")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
