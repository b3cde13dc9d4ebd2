"""Checks of single items of a policy: a rule has one effect, an exception ends, a test states a flow.

Also the one place that turns a document's dates and times into the monitor's nanoseconds and days.
"""

import datetime as dt
import ipaddress
from collections.abc import Iterator

from monitor.policy.remarks import Path, Remark
from monitor.policy.schema import DEFAULT_RULE, Exemption, PolicyDocument, PolicyTest, Rule, When

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_DAY_NS = 86_400_000_000_000
_FIRST_DAY, _LAST_DAY = dt.date.min.toordinal(), dt.date.max.toordinal()
_AN_EXPIRY = "write a date without quotes, such as 2027-03-31"


def day_of(ts_ns: int) -> dt.date:
    """The day in UTC. Times outside the years 1 to 9999 become the first or last day."""
    ordinal = _EPOCH.toordinal() + ts_ns // _DAY_NS
    return dt.date.fromordinal(min(max(ordinal, _FIRST_DAY), _LAST_DAY))


def time_ns(at: object, default: dt.date) -> int | None:
    """The time that a test states, in nanoseconds since the epoch; null when it is not a time.

    A time without zone is UTC; a date, and the default, is that day's midnight.
    """
    if at is None:
        at = default
    if isinstance(at, dt.datetime):
        moment = at if at.tzinfo else at.replace(tzinfo=dt.UTC)
        return (moment - _EPOCH) // dt.timedelta(microseconds=1) * 1_000
    if isinstance(at, dt.date):
        return (at.toordinal() - _EPOCH.toordinal()) * _DAY_NS
    return None


def check_items(document: PolicyDocument) -> Iterator[Remark]:
    """Rules without one effect, exceptions without a good expiry, tests that state no flow."""
    for at, rule in enumerate(document.rules):
        yield from _rule(("rules", at), rule)
    for at, exemption in enumerate(document.exceptions):
        yield from _expiry(("exceptions", at), exemption)
        if exemption.when == When() and exemption.rules is None:
            problem = f"exception {exemption.id!r} selects every flow"
            yield Remark(("exceptions", at), problem, "say which flows under `when:`")
    for at, test in enumerate(document.tests):
        yield from _flow(("tests", at, "flow"), test, document.issued)


def _rule(path: Path, rule: Rule) -> Iterator[Remark]:
    if rule.id == DEFAULT_RULE:
        problem = f"{DEFAULT_RULE!r} is the name of what applies when no rule does"
        yield Remark((*path, "id"), problem, "choose another id")
    asks_place = rule.allow_in or rule.allow_in_regions
    if not asks_place and not rule.outcome:
        yield Remark(path, f"rule {rule.id!r} has no effect", "add `allow_in:` or `outcome:`")
    if asks_place and rule.outcome:
        problem = f"rule {rule.id!r} has both a fixed outcome and a place to be inside"
        yield Remark((*path, "outcome"), problem, "keep `outcome:` or `allow_in:`, not both")
    for key in ("on_entry", "on_global", "on_operator", "on_storage"):
        if rule.outcome and not asks_place and getattr(rule, key):
            problem = f"{key} has no meaning beside `outcome:`"
            yield Remark((*path, key), problem, "remove it, or ask for a place with `allow_in:`")


def _expiry(path: Path, exemption: Exemption) -> Iterator[Remark]:
    expires = exemption.expires
    if expires is None:
        yield Remark(
            path,
            f"exception {exemption.id!r} has no expiry",
            "add `expires:` with a date, such as 2027-03-31",
        )
    elif isinstance(expires, dt.datetime):
        mend = f"write the day alone: {expires.date()}; it is in force until that day ends (UTC)"
        yield Remark((*path, "expires"), f"expiry of {exemption.id!r} has a time of day", mend)
    elif not isinstance(expires, dt.date):
        problem = f"expiry of {exemption.id!r} is not a date: {expires!r}"
        yield Remark((*path, "expires"), problem, _AN_EXPIRY)
    elif expires < exemption.starts:
        problem = f"exception {exemption.id!r} expires before it starts"
        yield Remark((*path, "expires"), problem, f"write a date after {exemption.starts}")


def _flow(path: Path, test: PolicyTest, issued: dt.date) -> Iterator[Remark]:
    flow = test.flow
    if flow.host is None and flow.address is None:
        problem = f"test {test.name!r} has no server"
        yield Remark(path, problem, "add `host:`, `address:` or both")
    for key, value in (("client", flow.client), ("address", flow.address)):
        if value is not None and not _is_address(value):
            mend = "write one address, such as 10.20.0.5 or 2001:db8::5"
            yield Remark((*path, key), f"{value!r} is not an IP address", mend)
    if time_ns(flow.at, issued) is None:
        problem = f"{flow.at!r} is not a time"
        yield Remark((*path, "at"), problem, "write one in UTC without quotes, such as 2026-11-10T12:00:00Z")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
