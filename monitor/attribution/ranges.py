"""What providers publish of their address ranges, as attribution reads it. Pure."""

from typing import Protocol

import msgspec


class PublishedRange(msgspec.Struct, frozen=True):
    """What a provider publishes of an address: the longest of its prefixes that holds it.

    ``provider`` and ``region`` are codes as in the catalogue's regions, ``service`` is the most specific one
    that is published, ``countries`` are the region's (ISO 3166-1). ``anycast``: many places answer at the
    address. ``dataset`` names the list and its date.
    """

    prefix: str
    provider: str
    region: str | None
    service: str | None
    countries: tuple[str, ...]
    anycast: bool
    dataset: str


class RangeLookup(Protocol):
    """Published ranges, as of some day."""

    def find(self, address: str) -> PublishedRange | None:
        """What is published of an address; None where nothing is."""
