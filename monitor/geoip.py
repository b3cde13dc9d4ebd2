"""Looks addresses up in MaxMind DB files: the country, and the autonomous system where a file has it.

Knows the layouts of GeoLite2 and GeoIP2 (Country, City, ASN), DB-IP, IPinfo, and flat `country_code` records.
A record of any other form answers nothing.
"""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.attribution.evidence import Location
from monitor.catalog.hostmatch import parse_address
from monitor.files import InputError, unreadable

if TYPE_CHECKING:
    from maxminddb import Reader

NO_COUNTRY = frozenset({"AP", "EU", "XX", "ZZ"})  # written in some data sets, and no country's code
MAX_ASN = 2**32 - 1
_COUNTRY = re.compile(r"[A-Z]{2}")
_ASN = re.compile(r"(?:AS)?([0-9]{1,10})")
_COUNTRY_KEYS = ("country", "country_code", "registered_country")
_ASN_KEYS = ("autonomous_system_number", "asn")


class GeoIp:
    """One or more databases; the first that knows an address answers.

    ``datasets`` are their file names, types and build dates; ``faults`` counts records that are broken.
    """

    def __init__(self, paths: Sequence[Path], names: Sequence[str] = ()) -> None:
        """Open them, under these names or their own.

        Raises InputError for a file that is missing, unreadable or no MaxMind DB.
        """
        databases = tuple(_open(path) for path in paths)
        called = names or [name for _, name in databases]
        self._databases = tuple(zip((reader for reader, _ in databases), called, strict=True))
        self.datasets = tuple(dataset for _, dataset in self._databases)
        self.faults = 0

    def locate(self, address: str) -> Location | None:
        """What the databases know of an address; None when none of them knows its country or its system."""
        parsed = parse_address(address)
        if parsed is None:
            return None
        country: str | None = None
        asn: int | None = None
        dataset = ""
        for reader, name in self._databases:
            record = self._record(reader, str(parsed))
            if country is None and (country := _country(record)) is not None:
                dataset = name
            if asn is None and (asn := _asn(record)) is not None:
                dataset = dataset or name
        return Location(country, asn, dataset) if dataset else None

    def country(self, address: str) -> str | None:
        """The ISO 3166-1 alpha-2 code of an address; None where no database has one."""
        location = self.locate(address)
        return None if location is None else location.country

    def asn(self, address: str) -> int | None:
        """The number of the autonomous system that announces an address; None where no database has one."""
        location = self.locate(address)
        return None if location is None else location.asn

    def close(self) -> None:
        """Close the files."""
        for reader, _ in self._databases:
            reader.close()

    def _record(self, reader: "Reader", address: str) -> Mapping[str, object]:
        from maxminddb import InvalidDatabaseError  # noqa: PLC0415

        try:
            record = reader.get(address)
        except (InvalidDatabaseError, UnicodeDecodeError):
            self.faults += 1
            return {}
        except ValueError:  # IPv6 in a database of IPv4
            return {}
        return record if isinstance(record, dict) else {}


def _open(path: Path) -> tuple["Reader", str]:
    import maxminddb  # noqa: PLC0415  only those who use GeoIP pay for it

    try:
        reader = maxminddb.open_database(path, maxminddb.MODE_AUTO)
        metadata = reader.metadata()
    except OSError as error:
        raise unreadable(path, error) from None
    except (maxminddb.InvalidDatabaseError, ValueError):
        mend = "give a database in MaxMind DB format (.mmdb)"
        raise InputError(str(path), "no MaxMind DB", mend) from None
    return reader, f"{path.name} ({metadata.database_type}, {_day(metadata.build_epoch)})"


def _country(record: Mapping[str, object]) -> str | None:
    for key in _COUNTRY_KEYS:
        value = record.get(key)
        code = value.get("iso_code") if isinstance(value, dict) else value
        if isinstance(code, str) and _COUNTRY.fullmatch(code) and code not in NO_COUNTRY:
            return code
    return None


def _asn(record: Mapping[str, object]) -> int | None:
    for key in _ASN_KEYS:
        value = record.get(key)
        if isinstance(value, str) and (match := _ASN.fullmatch(value)):
            value = int(match[1])
        if isinstance(value, int) and 0 <= value <= MAX_ASN:
            return value
    return None


def _day(epoch_seconds: int) -> str:
    try:
        return dt.datetime.fromtimestamp(epoch_seconds, dt.UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return "build date unknown"
