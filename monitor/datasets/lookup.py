"""Looks addresses up in the compiled ranges."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import maxminddb
import msgspec

from monitor.attribution.ranges import PublishedRange
from monitor.catalog.endpoints import Region
from monitor.catalog.hostmatch import parse_address
from monitor.datasets.rows import IPV4_BITS
from monitor.files import InputError, unreadable

CACHE = 65_536  # addresses whose answers are kept


class Ranges:
    """The published ranges of a selection, as `monitor.attribution.ranges` asks for them.

    ``faults`` counts records that are broken.
    """

    def __init__(self, path: Path, regions: Mapping[tuple[str, str], Region]) -> None:
        """Open a compiled look-up. Raises InputError."""
        mend = "delete the file; it is made anew"
        try:
            self._reader = maxminddb.open_database(path, maxminddb.MODE_AUTO)
        except OSError as error:
            raise unreadable(path, error) from None
        except (maxminddb.InvalidDatabaseError, ValueError):
            raise InputError(str(path), "damaged", mend) from None
        self._regions = regions
        self.faults = 0
        self._cached = lru_cache(CACHE)(self._find)

    def find(self, address: str) -> PublishedRange | None:
        """What is published of an address; None when nothing is."""
        return self._cached(address)

    def close(self) -> None:
        """Close the file."""
        self._cached.cache_clear()
        self._reader.close()

    def _find(self, text: str) -> PublishedRange | None:
        address = parse_address(text)
        if address is None or (address.version == 6 and int(address) >> (128 - IPV4_BITS) == 0):
            return None  # the tree has IPv4 there
        record = self._record(str(address))
        if record is None:
            return None
        known = self._regions.get((record.provider, record.region or ""))
        host_bits = address.max_prefixlen - record.length
        first = type(address)(int(address) >> host_bits << host_bits)
        return PublishedRange(
            prefix=f"{first}/{record.length}",
            provider=record.provider,
            region=record.region,
            service=record.service,
            countries=(known.country,) if known is not None else (),
            anycast=record.anycast,
            dataset=record.dataset,
        )

    def _record(self, address: str) -> "_Record | None":
        try:
            record = self._reader.get(address)
            return msgspec.convert(record, _Record) if record is not None else None
        except (maxminddb.InvalidDatabaseError, msgspec.ValidationError, UnicodeDecodeError):
            self.faults += 1
            return None


class _Record(msgspec.Struct):
    """A record as `monitor.datasets.compiling` writes it."""

    provider: str
    dataset: str
    length: Annotated[int, msgspec.Meta(ge=0, le=128)]
    anycast: bool
    region: str | None = None
    service: str | None = None
