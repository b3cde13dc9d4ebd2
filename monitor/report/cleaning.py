"""Finds addresses of clients, or the pseudonyms in their place, in any text, and takes them out. Pure.

An address may stand as it is, at length, with dashes as in the name of a host, or as a reverse name. Only
what looks like an address or a pseudonym is taken out: what a hostile file calls a client may be any word.
"""

import re
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from functools import partial
from ipaddress import ip_address

from monitor.pseudonyms import TEXT

WITHHELD = "[withheld]"
_REVERSE_6 = re.compile(r"(?:[0-9a-f]\.){32}ip6\.arpa", re.IGNORECASE)
_IPV4 = re.compile(r"[0-9]+(?:[.-][0-9]+){3,}")
_IPV6 = re.compile(r"[0-9a-f]*:[0-9a-f:.]+|[0-9a-f]{1,4}(?:-[0-9a-f]{0,4}){2,7}", re.IGNORECASE)
_PSEUDONYM = re.compile(rf"{TEXT}[0-9a-f]+")


Forms = Callable[[str], Iterable[str]]


class Cleaner:
    """Takes the same clients out of many texts, and remembers what it made of each."""

    def __init__(self, clients: AbstractSet[str]) -> None:
        self._clients = clients
        self._cleaned: dict[str, str] = {}

    def clean(self, text: str) -> str:
        """Return a text without clients."""
        cleaned = self._cleaned.get(text)
        if cleaned is None:
            cleaned = text
            for pattern, forms in _FORMS:
                cleaned = pattern.sub(partial(self._judged, forms), cleaned)
            self._cleaned[text] = cleaned
        return cleaned

    def _judged(self, forms: Forms, found: re.Match[str]) -> str:
        return WITHHELD if any(form and form in self._clients for form in forms(found[0])) else found[0]


def _fours(text: str) -> Iterable[str]:
    """Yield the IPv4 addresses in a run of numbers, from either end: a reverse name has them backwards."""
    numbers = re.split(r"[.-]", text)
    for at in range(len(numbers) - 3):
        four = numbers[at : at + 4]
        yield ".".join(four)
        yield ".".join(four[::-1])


def _long(text: str) -> Iterable[str]:
    """Yield the IPv6 addresses that a run of digits and colons, or dashes, may be."""
    colons = text.replace("-", ":")
    for form in (colons, colons.rstrip(":."), colons.strip(":."), colons.rstrip(".")):
        yield _canonical(form)


def _reversed(text: str) -> Iterable[str]:
    digits = text[: -len(".ip6.arpa")].replace(".", "")[::-1]
    yield _canonical(":".join(digits[at : at + 4] for at in range(0, len(digits), 4)))


def _itself(text: str) -> Iterable[str]:
    yield text


def _canonical(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        return ""


_FORMS: tuple[tuple[re.Pattern[str], Forms], ...] = (
    (_REVERSE_6, _reversed),
    (_IPV4, _fours),
    (_IPV6, _long),
    (_PSEUDONYM, _itself),
)
