"""Times on a command line: a day of UTC, or a time in ISO 8601.

A period that ends on a day has all of that day in it, as people expect; one that ends at a time ends before
that.
"""

import datetime as dt
from typing import Any

import click

DAY_LENGTH = 10  # as in 2026-03-10
_SECOND_NS = 1_000_000_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class When(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.5 on, and in no release before
    """An end of a period, in nanoseconds of Unix time."""

    name = "when"

    def __init__(self, *, whole_day: bool) -> None:
        """Say whether a day counts wholly: then it stands for its end, and else for its beginning."""
        self._whole_day = whole_day

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the time; without an offset it is UTC."""
        if isinstance(value, int):
            return value
        try:
            moment = dt.datetime.fromisoformat(value)
            if len(value) == DAY_LENGTH and self._whole_day:
                moment += dt.timedelta(days=1)
            return _ns(moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC))
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time; write 2026-03-10, or 2026-03-10T09:00:00Z", param, ctx)


def _ns(moment: dt.datetime) -> int:
    past = moment - _EPOCH
    return (past.days * 86_400 + past.seconds) * _SECOND_NS + past.microseconds * 1_000


SINCE, UNTIL = When(whole_day=False), When(whole_day=True)
