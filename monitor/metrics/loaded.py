"""How what is in use becomes series: policy, catalogue, data sets, and how they were reloaded.

Whoever calls holds the lock of the series. A change is counted where a load brings
something else than was in use, so that the first one brings none.
"""

import calendar
from typing import TYPE_CHECKING, NamedTuple

from monitor import __version__
from monitor.metrics import families_kept as families
from monitor.metrics.expected import CHANGE_REASONS, RELOAD_REASONS, dataset_rows
from monitor.metrics.labels import Labels
from monitor.metrics.series import Series
from monitor.policy import Policy

if TYPE_CHECKING:
    from monitor.app import Knowledge

_DAY_SECONDS = 86_400


class _InUse(NamedTuple):
    """What identifies all that is judged by, in the order of CHANGE_REASONS."""

    policy: str | None
    catalogue: str
    datasets: tuple[str, ...]


class LoadedRows:
    """Says what is in use, and counts reloads and what they changed."""

    def __init__(self, series: Series) -> None:
        self._series = series
        self._in_use: _InUse | None = None
        for reason in RELOAD_REASONS:
            series.add(families.RELOADS, {"reason": reason}, 0)
        for reason in CHANGE_REASONS:
            series.add(families.CHANGES, {"reason": reason}, 0)

    def take(self, knowledge: "Knowledge") -> None:
        """Take what is used from here on."""
        policy, version = knowledge.policy, knowledge.catalog.version
        self._series.replace(families.BUILD, [({"reason": __version__}, 1)])
        self._series.replace(families.CATALOGUE, [({"reason": version}, 1)])
        of_policy = [({"policy": policy.version}, 1)] if policy is not None else []
        self._series.replace(families.POLICY, of_policy)
        self._series.replace(families.EXPIRY, _expiry_rows(policy))
        self._series.replace(families.DATASET, dataset_rows(knowledge.selection))
        self._compare(_InUse(policy.version if policy is not None else None, version, knowledge.datasets))

    def reloaded(self, now_seconds: float, *, ok: bool) -> None:
        """Count a reload."""
        self._series.add(families.RELOADS, {"reason": "ok" if ok else "failed"})
        self._series.set(families.RELOAD_FAILED, {}, int(not ok))
        if ok:
            self.loaded(now_seconds)

    def loaded(self, now_seconds: float) -> None:
        """Take the time at which all was last read."""
        self._series.set(families.LAST_RELOAD, {}, now_seconds)

    def _compare(self, in_use: _InUse) -> None:
        """Count what differs from what was in use before; the first load changes nothing."""
        before, self._in_use = self._in_use or in_use, in_use
        for reason, old, new in zip(CHANGE_REASONS, before, in_use, strict=True):
            self._series.add(families.CHANGES, {"reason": reason}, int(old != new))


def _expiry_rows(policy: Policy | None) -> list[tuple[Labels, float]]:
    """Return the end of the last day of each exception, the next one first: it shall have its own series."""
    if policy is None:
        return []
    ends = [
        (calendar.timegm(each.last_day.timetuple()) + _DAY_SECONDS, each.id)
        for each in policy.document.exceptions
    ]
    return [({"policy": name}, end) for end, name in sorted(ends)]
