"""Examines a file before it is taken: its form, its day, and its size beside that of the one before."""

import datetime as dt
import hashlib
import re
import tempfile
from pathlib import Path

import msgspec

from monitor.datasets.index import DatedBy, History, Version
from monitor.datasets.parsers import PARSERS
from monitor.datasets.rows import RefusedError, read_day
from monitor.datasets.sources import Source
from monitor.datasets.store import file_of
from monitor.files import InputError
from monitor.geoip import GeoIp

SHRUNK_TO = 0.1  # of the version before: refused from here on
CLOCKS_DIFFER = dt.timedelta(days=2)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,63}")
_DAY_IN_NAME = re.compile(r"(?<![0-9])(20[0-9]{2})-?([01][0-9])-?([0-3][0-9])(?![0-9])")
# Addresses that every database of the world knows: resolvers and registries on all continents.
_WELL_KNOWN = (
    "8.8.8.8", "9.9.9.9", "193.0.6.139", "199.5.26.160", "202.12.29.142", "200.3.14.147", "196.216.2.6",
    "133.11.0.1", "17.0.0.1", "2001:4860:4860::8888",
)  # fmt: skip


class Arrival(msgspec.Struct, frozen=True):
    """A file as it came: from where, with which name, and on which day it is taken."""

    data: bytes
    origin: str
    today: dt.date
    moment: str
    file_name: str = ""
    given: dt.date | None = None
    etag: str | None = None
    last_modified: str | None = None


def examine(source: Source, arrival: Arrival) -> Version:
    """The version that a file would be. Raises RefusedError for one that cannot be it."""
    if not arrival.data:
        raise RefusedError("the file is empty")
    if source.kind == "ranges":
        published = PARSERS[source.id](arrival.data)
        name, says, count = source.name, published.date, published.prefixes
    else:
        name, says, count = _database(source, arrival.data)
    date, dated_by = _date(says, arrival)
    if date > arrival.today + CLOCKS_DIFFER:
        mend = "check --date" if dated_by == "given" else "check this machine's clock"
        raise RefusedError(f"dated {date}, which is in the future", mend)
    sha256 = hashlib.sha256(arrival.data).hexdigest()
    return Version(
        name=name,
        date=date,
        dated_by=dated_by,
        sha256=sha256,
        file=file_of(source, date, sha256),
        bytes=len(arrival.data),
        prefixes=count,
        accepted=arrival.moment,
        origin=arrival.origin,
        etag=arrival.etag,
        last_modified=arrival.last_modified,
    )


def refuse_implausible(version: Version, history: History) -> None:
    """Raise RefusedError for a file that has 90 % fewer prefixes than the version before, or is another kind.

    A database of systems would else take the place of one of countries.
    """
    before = history.as_of(version.date) or history.as_of(None)
    if before is None:
        return
    if version.name != before.name:
        problem = f"it is {version.name}, where the version of {before.date} is {before.name}"
        raise RefusedError(problem, "if it is to take that place, say --accept-shrinking")
    if version.prefixes <= before.prefixes * SHRUNK_TO:
        counts = f"{version.size()}, where the version of {before.date} has {before.prefixes:,}"
        raise RefusedError(counts, "if that is right, say --accept-shrinking")


def is_known(version: Version, history: History) -> bool:
    """Whether a file is what is there already: as that day's version, or as the one in force on it."""
    in_force = history.as_of(version.date)
    if in_force is not None and in_force.sha256 == version.sha256 and version.dated_by != "given":
        return True
    return any(each.sha256 == version.sha256 and each.date == version.date for each in history.versions)


def _date(says: dt.date | None, arrival: Arrival) -> tuple[dt.date, DatedBy]:
    if arrival.given is not None:
        return arrival.given, "given"
    if says is not None:
        return says, "content"
    match = _DAY_IN_NAME.search(arrival.file_name)
    in_name = read_day("-".join(match.groups())) if match is not None else None
    if in_name is not None:
        return in_name, "file name"
    return arrival.today, "import"


def _database(source: Source, data: bytes) -> tuple[str, dt.date | None, int]:
    """What a GeoIP database calls itself, its day, and how many nodes its tree has."""
    from maxminddb import MODE_AUTO, open_database  # noqa: PLC0415  only for GeoIP

    with tempfile.TemporaryDirectory(prefix="residency-") as folder:
        path = Path(folder) / "database.mmdb"
        path.write_bytes(data)
        try:
            geo = GeoIp([path])
        except InputError as error:
            raise RefusedError(error.problem, error.mend) from None
        known = [address for address in _WELL_KNOWN if geo.locate(address) is not None]
        geo.close()
        if not known:
            problem = "it knows neither country nor system of any well-known address"
            raise RefusedError(problem, "give a database of countries or autonomous systems")
        with open_database(path, MODE_AUTO) as reader:
            metadata = reader.metadata()
    try:
        day = dt.datetime.fromtimestamp(metadata.build_epoch, dt.UTC).date()
    except (OverflowError, ValueError, OSError):
        day = None
    kind = metadata.database_type
    return kind if _NAME.fullmatch(kind) else source.name, day, metadata.node_count
