"""How a store is: of every source the version, its age, and what the last attempts came to.

The counters only grow, so that a daemon can export them as they stand.
"""

import datetime as dt

import msgspec

from monitor.datasets.index import History, Index
from monitor.datasets.sources import SOURCES, Source


class SourceHealth(msgspec.Struct, frozen=True):
    """One source. Dates are ISO 8601 in UTC; what has no version yet has null."""

    source: str
    dataset: str
    version: dt.date | None
    age_days: int | None
    stale: bool
    stale_days: int
    versions: int
    oldest: dt.date | None
    prefixes: int | None
    bytes: int | None
    sha256: str | None
    origin: str | None
    terms: str
    attempts: int
    failures: int
    failures_in_a_row: int
    last_attempt: str | None
    last_success: str | None
    last_error: str | None


def health(index: Index, today: dt.date, stale_days: int | None = None) -> tuple[SourceHealth, ...]:
    """All sources that were ever tried. ``stale_days`` stands instead of each source's own."""
    return tuple(
        _of(source, index.sources[source.id], today, stale_days or source.stale_days)
        for source in SOURCES
        if source.id in index.sources
    )


def _of(source: Source, history: History, today: dt.date, stale_days: int) -> SourceHealth:
    newest = history.as_of(None)
    age = (today - newest.date).days if newest is not None else None
    return SourceHealth(
        source=source.id,
        dataset=newest.name if newest is not None else source.name,
        version=newest.date if newest is not None else None,
        age_days=age,
        stale=age is not None and age > stale_days,
        stale_days=stale_days,
        versions=len(history.versions),
        oldest=min((each.date for each in history.versions), default=None),
        prefixes=newest.prefixes if newest is not None else None,
        bytes=newest.bytes if newest is not None else None,
        sha256=newest.sha256 if newest is not None else None,
        origin=newest.origin if newest is not None else None,
        terms=source.terms,
        attempts=history.attempts,
        failures=history.failures,
        failures_in_a_row=history.failures_in_a_row,
        last_attempt=history.last_attempt,
        last_success=history.last_success,
        last_error=history.last_error,
    )
