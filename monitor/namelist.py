"""Holds a list of names against the catalogue: which are LLM endpoints, which may be, which are none. Pure.

Lines are counted one by one; of the names themselves only the first few of each class are kept.
"""

import ipaddress
import re
from collections import Counter
from typing import Literal, get_args

import msgspec

from monitor.catalog import Catalog, Concealer, Endpoint
from monitor.catalog.concealers import names_of
from monitor.catalog.hostmatch import AddressIndex, normal_name
from monitor.explain import read_input

Class = Literal["matched", "possible", "close-call", "concealing", "unmatched", "invalid", "ignored"]
CLASSES: tuple[Class, ...] = get_args(Class)
MAX_PAIRS = 10_000  # of provider and service that are counted by name

_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*", re.ASCII)


class Line(msgspec.Struct, frozen=True):
    """What a line of the list is. ``match`` is the entry; null where there is none, as all that follows."""

    input: str
    name: str
    found: Class
    match: str | None = None
    provider: str | None = None
    service: str | None = None
    scope: str | None = None
    region: str | None = None


class Finder:
    """Says what each name is by one catalogue."""

    def __init__(self, catalog: Catalog) -> None:
        known = {each.match: each for each in reversed(catalog.concealers)}  # of two, the first counts
        self._catalog = catalog
        self._hiding = names_of(list(known.values()))
        self._hiding_ranges: AddressIndex[Concealer] = AddressIndex()
        for match, each in known.items():
            if "/" in match:
                self._hiding_ranges.add(ipaddress.ip_network(match), each)

    def find(self, text: str) -> Line:
        """Say what one line is: a host name, an address, or a URL that holds one; `#` begins a comment."""
        if "#" in text and (text.startswith("#") or " #" in text):
            text = text.partition("#")[0].rstrip()
        if not text:
            return Line(text, "", "ignored")
        name, address = read_input(text)
        if address is not None:
            entry, concealer = self._catalog.match_address(address), self._hiding_ranges.match(address)
            return _line(text, address, entry, concealer)
        normal = normal_name(name) if name is not None else None
        if normal is None or _NAME.fullmatch(normal) is None:
            return Line(text, name or "", "invalid")
        entry = self._catalog.match_name(normal)
        return _line(text, normal, entry, self._hiding.match(normal) if entry is None else None)


class Counts:
    """What a list came to. ``shown`` are the first names of each class, with how often each stood there."""

    def __init__(self, limit: int) -> None:
        self.lines = 0
        self.by_class: Counter[Class] = Counter(dict.fromkeys(CLASSES, 0))
        self.by_service: Counter[tuple[str, str]] = Counter()
        self.shown: dict[Class, dict[str, tuple[Line, int]]] = {each: {} for each in CLASSES}
        self._limit = limit

    def add(self, line: Line) -> None:
        """Count a line."""
        self.lines += 1
        self.by_class[line.found] += 1
        if line.found == "ignored":
            return
        if line.provider is not None and line.found in ("matched", "possible"):
            pair = line.provider, line.service or ""
            if pair in self.by_service or len(self.by_service) < MAX_PAIRS:
                self.by_service[pair] += 1
        shown = self.shown[line.found]
        key = line.name or line.input
        if key in shown:
            shown[key] = shown[key][0], shown[key][1] + 1
        elif len(shown) < self._limit:
            shown[key] = line, 1


def _line(text: str, name: str, entry: Endpoint | None, concealer: Concealer | None) -> Line:
    if entry is None:
        if concealer is None:
            return Line(text, name, "unmatched")
        return Line(text, name, "concealing", concealer.match, None, f"{concealer.service}, {concealer.kind}")
    return Line(
        text, name, _class(entry), entry.match, entry.provider, entry.service, entry.scope, entry.region
    )


def _class(entry: Endpoint) -> Class:
    """What a name of an entry is: `possible` wherever an attribution would name no provider."""
    if entry.not_llm:
        return "close-call"
    if entry.possible or entry.cname_only or entry.role == "ech-outer":
        return "possible"
    return "matched"
