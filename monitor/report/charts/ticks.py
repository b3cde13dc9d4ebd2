"""Where the lines of an axis belong: round numbers, and round times in UTC. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from monitor.wording import plural

SECOND_NS = 1_000_000_000
MOST_TIMES = 9
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(_MINUTE * each for each in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * each for each in (1, 2, 3, 6, 12)),
    *(_DAY * each for each in (1, 2, 7, 14)),
)  # seconds
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1_200)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The years 2 to 9998: what is beyond is no time that a calendar can name.
_FIRST_NS, _LAST_NS = (
    int((datetime(year, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds()) * SECOND_NS for year in (2, 9_998)
)
_UNITS = ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute"), (1, "second"))


def round_numbers(top: int) -> list[int]:
    """Return whole numbers from 0 to at least ``top``, at most seven, at steps of 1, 2 or 5 and zeros."""
    step = 1
    while step * 5 < top:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return list(range(0, max(top, 1) + step, step)) if top % step else list(range(0, max(top, 1) + 1, step))


def round_times(since_ns: int, until_ns: int) -> list[tuple[int, str]]:
    """Return times within a span, at most nine, with their labels: as much of date and time as they need."""
    if not _FIRST_NS <= since_ns <= until_ns <= _LAST_NS:
        return []
    seconds = max((until_ns - since_ns) / SECOND_NS, 1)
    step = next((each for each in _STEPS if seconds / each < MOST_TIMES), None)
    if step is not None:
        first = -(-since_ns // (step * SECOND_NS)) * step
        times = list(range(first, until_ns // SECOND_NS + 1, step))
        return [(time * SECOND_NS, _label(time, step)) for time in times]
    months = seconds / (_DAY * 30)
    by = next((each for each in _MONTHS if months / each < MOST_TIMES), _MONTHS[-1])
    return [each for each in _month_starts(since_ns, until_ns, by) if since_ns <= each[0] <= until_ns]


def _label(time: int, step: int) -> str:
    at = _EPOCH + timedelta(seconds=time)
    if step >= _DAY:
        return f"{at:%Y-%m-%d}"
    if at.hour == at.minute == at.second == 0:
        return f"{at:%m-%d}"
    return f"{at:%H:%M:%S}" if step < _MINUTE else f"{at:%H:%M}"


def _month_starts(since_ns: int, until_ns: int, by: int) -> Iterator[tuple[int, str]]:
    first, last = (_EPOCH + timedelta(seconds=each // SECOND_NS) for each in (since_ns, until_ns))
    month = (first.year * 12 + first.month - 1) // by * by
    while month <= last.year * 12 + last.month - 1:
        at = datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
        yield (at - _EPOCH) // timedelta(seconds=1) * SECOND_NS, f"{at:%Y-%m}" if by < 12 else f"{at:%Y}"
        month += by


def whole_step(least_ns: int, unit_ns: int) -> int:
    """Return a length of time that is long enough: a multiple of the unit, and round where one is."""
    wholes = (each * SECOND_NS for each in _STEPS if each * SECOND_NS % unit_ns == 0)
    return next((each for each in wholes if each >= least_ns), -(-least_ns // unit_ns) * unit_ns)


def short_number(number: int) -> str:
    """Return a round number in few characters."""
    for unit, letter in ((10**12, " T"), (10**9, " G"), (10**6, " M")):
        if number >= unit:
            return f"{number / unit:g}{letter}"
    return f"{number:,}"


def duration(width_ns: int) -> str:
    """Return a length of time in the one or two units that suit it."""
    left, parts = width_ns // SECOND_NS, []
    for seconds, unit in _UNITS:
        count, left = divmod(left, seconds)
        if count:
            parts.append(plural(count, unit))
    return " ".join(parts[:2]) or f"{width_ns:,} ns"
