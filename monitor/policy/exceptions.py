"""Exceptions: what is outside policy, or undecided, and excused for a time by a person with a ticket.

An exception has to fit with certainty, and it counts on the days it names: at the flow's time, in UTC.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from monitor.policy.places import Territory, is_contradicted, is_hint
from monitor.policy.schema import Exemption
from monitor.policy.selection import Selector
from monitor.types import Attribution


class Excuse(NamedTuple):
    """The exception that excuses a flow, or null and the sentences why those that fit do not count."""

    id: str | None
    reasons: tuple[str, ...] = ()


class CompiledException:
    """An exception, ready to be asked."""

    def __init__(self, exemption: Exemption, territory: Callable[[Sequence[str]], Territory]) -> None:
        self.exemption = exemption
        self.selector = Selector(exemption.when, territory)

    def fits(self, rule: str, attribution: Attribution, day: dt.date) -> bool:
        """Whether it is about such flows under such a rule, on whatever days it is in force."""
        rules = self.exemption.rules
        if is_contradicted(attribution) or is_hint(attribution) or not (rules is None or rule in rules):
            return False
        return self.selector.selects(attribution, day) == "yes"


def excuse(
    exceptions: Iterable[CompiledException], rule: str, attribution: Attribution, day: dt.date
) -> Excuse:
    """The first exception that fits a flow and is in force on its day."""
    lapsed: list[str] = []
    for each in exceptions:
        if not each.fits(rule, attribution, day):
            continue
        exemption = each.exemption
        called = f"exception {exemption.id} (ticket {exemption.ticket})"
        if day > exemption.last_day:
            lapsed.append(f"{called} was in force until {exemption.last_day}")
        elif day < exemption.starts:
            lapsed.append(f"{called} is in force from {exemption.starts} on")
        else:
            until = f"{called}, approved by {exemption.approved_by} until {exemption.last_day}"
            return Excuse(exemption.id, (f"excused by {until}: {exemption.reason}",))
    return Excuse(None, tuple(lapsed[:3]))
