"""Opens what commands judge by: the ranges and the GeoIP databases of the store, as of a day.

Without a store nothing is opened, and nothing is missed.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from monitor.catalog.endpoints import Region
from monitor.datasets.folders import MEND, default_folder, find_folder
from monitor.files import InputError
from monitor.geoip import GeoIp

if TYPE_CHECKING:
    from monitor.datasets.lookup import Ranges
    from monitor.datasets.store import Selection


class DataChoice(msgspec.Struct, frozen=True):
    """Which store, by default the user's where there is one, and as of which day, by default the newest.

    ``spare`` is a folder for what is compiled and may not be kept in the store; else a temporary one is made.
    """

    folder: Path | None = None
    as_of: dt.date | None = None
    spare: Path | None = None


class Data(msgspec.Struct, frozen=True):
    """What was opened. ``prefixes`` are the ranges; ``datasets`` all that are used, with date and hash."""

    ranges: "Ranges | None" = None
    prefixes: tuple[str, ...] = ()
    geo: GeoIp | None = None
    datasets: tuple[str, ...] = ()
    selection: "Selection | None" = None
    notes: tuple[str, ...] = ()


def open_data(
    choice: DataChoice | None, regions: Mapping[tuple[str, str], Region], geoips: Sequence[Path] = ()
) -> Data:
    """Open the store; ``geoips``, where a person names some, stand instead of its databases.

    Without a ``choice`` there is no store. Raises InputError.
    """
    own = GeoIp(geoips) if geoips else None
    given = own.datasets if own is not None else ()
    folder = find_folder(choice.folder) if choice is not None else None
    if choice is None or folder is None:
        if choice is not None and choice.as_of is not None:
            raise InputError(str(default_folder() or "--as-of"), "no data sets in it", MEND)
        return Data(geo=own, datasets=given)
    from monitor.datasets.compiling import compiled, prefixes_of  # noqa: PLC0415  only those who have a store pay for it
    from monitor.datasets.lookup import Ranges  # noqa: PLC0415
    from monitor.datasets.store import Store  # noqa: PLC0415

    store = Store(folder)
    selection = store.select(choice.as_of)
    path = compiled(store, selection, choice.spare)
    ranges = Ranges(path, regions) if path is not None else None
    prefixes = tuple(prefixes_of(path).read_text("ascii").split()) if path is not None else ()
    used = tuple(each.line() for each in selection.ranges())
    databases = selection.geoip()
    if own is None and databases:
        own = GeoIp([each.path for each in databases], [each.version.dataset for each in databases])
        given = tuple(each.line() for each in databases)
    return Data(ranges, prefixes, own, (*used, *given), selection, selection.notes)


def newer_than(selection: "Selection | None", last: dt.date | None) -> str | None:
    """The line for traffic that was judged by newer data sets than the store has for its day."""
    if selection is None or selection.as_of is not None or last is None:
        return None
    newer = [
        each
        for each in selection.chosen
        if each.version.date > last and any(older <= last for older in each.older)
    ]
    if not newer:
        return None
    names = ", ".join(each.version.dataset for each in newer)
    return f"the captures end on {last}, and were judged by newer data sets ({names}); see --as-of {last}"
