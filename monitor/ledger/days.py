"""Which file a decision goes to, and when a file has been kept long enough: a file a day, in UTC. Pure.

A day comes from packets, and packets may say any: a file is made only for a day that retention still keeps,
up to one day ahead of the clock. What says another goes to the file `other-DAY` of the day it is written.
"""

import datetime as dt
import re

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS
AHEAD_DAYS = 1  # that packets' time may be ahead of the clock
STEP_NS = SETTLE_NS = DAY_NS
OTHER = "other-"
_EPOCH = dt.date(1970, 1, 1).toordinal()
_LAST_DAY = dt.date.max.toordinal() - _EPOCH
_NAME = re.compile(r"(?:other-)?(\d{4}-\d{2}-\d{2})\.jsonl")


def day_number(ts_ns: int) -> int:
    """Return the day of a moment, counted from 1970-01-01."""
    return ts_ns // DAY_NS


def file_name(ts_ns: int, now_ns: int, kept_days: int) -> str:
    """Return the name of the file that a decision on a packet of ``ts_ns`` goes to."""
    day, today = day_number(ts_ns), day_number(now_ns)
    if today - kept_days <= day <= today + AHEAD_DAYS:
        return f"{day_text(day)}.jsonl"
    return f"{OTHER}{day_text(today)}.jsonl"


def is_day_file(name: str) -> bool:
    """Tell whether a file is one of ours, by its name."""
    return _NAME.fullmatch(name) is not None


def is_expired(name: str, now_ns: int, kept_days: int) -> bool:
    """Tell whether all lines of a file were kept for so many days. A file of another name never is."""
    found = _NAME.fullmatch(name)
    try:
        day = dt.date.fromisoformat(found[1]).toordinal() - _EPOCH if found else None
    except ValueError:
        return False
    return day is not None and day_number(now_ns) - day > kept_days


class Steady:
    """Watches the clock that deletes: after a step of more than STEP_NS it is not believed for SETTLE_NS.

    So a wrong clock that somebody puts right within that time deletes nothing.
    """

    def __init__(self) -> None:
        self._last_ns: int | None = None
        self._stepped_ns: int | None = None

    def believes(self, now_ns: int) -> bool:
        """Tell whether the clock is believed. Ask more often than STEP_NS, or every question is a step."""
        last_ns, self._last_ns = self._last_ns, now_ns
        if last_ns is not None and not 0 <= now_ns - last_ns <= STEP_NS:
            self._stepped_ns = now_ns
        return self._stepped_ns is None or now_ns - self._stepped_ns >= SETTLE_NS


def day_text(day: int) -> str:
    """Return a day as text; one that no calendar has is the nearest that it has."""
    return dt.date.fromordinal(min(max(day, 1 - _EPOCH), _LAST_DAY) + _EPOCH).isoformat()
