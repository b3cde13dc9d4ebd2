"""The table that says what a report is about, how much could be seen, and what it cannot show. Pure."""

from collections.abc import Iterator

from monitor.report.document import facts_sha256
from monitor.report.files.table import Column, Table, table
from monitor.report.types import Facts, Period
from monitor.wording import moment, plural

_Row = tuple[str, str]


def about(facts: Facts) -> Table:
    """Return the statement on coverage and limits that belongs to all other tables."""
    columns = (
        Column[_Row]("item", "text", lambda row: row[0]),
        Column[_Row]("value", "text", lambda row: row[1]),
    )
    return table("about", "What this is about, and what it cannot show.", columns, _rows(facts))


def span(period: Period) -> str:
    """Return a period in words; its end is not part of it."""
    since = f"from {moment(period.since_ns)} UTC" if period.since_ns is not None else "from the beginning"
    until = f"to before {moment(period.until_ns)} UTC" if period.until_ns is not None else "to the end"
    return f"{since} {until} of what was read" if None in _ends(period) else f"{since} {until}"


def _rows(facts: Facts) -> Iterator[_Row]:
    yield "title", facts.title
    yield "tenant", facts.tenant if facts.tenant is not None else "all that were read"
    yield "period", span(facts.period)
    first, last = _ends(facts.seen_period)
    if first is not None and last is not None:
        yield "connections", f"the first began {moment(first)} UTC, the last {moment(last)} UTC"
    yield "coverage", facts.seen.says
    yield "complete", _complete(facts)
    yield from (("caution", sentence) for sentence in facts.seen.cautions)
    yield "people", _people(facts)
    yield from (("left out", f"{count:,} {name}") for name, count in facts.left_out.items())
    yield from (("limit", sentence) for sentence in facts.limits)
    yield "tool", f"Residency Monitor {facts.tool}"
    yield "schema", facts.schema
    yield "SHA-256 of the facts (report.json)", facts_sha256(facts)


def _complete(facts: Facts) -> str:
    unusable = sum(count for each in facts.inputs for count in each.problems.values())
    if unusable:
        return f"no: {plural(unusable, 'record')} could not be used"
    return "yes" if facts.seen.complete else "no: not everything could be looked at"


def _people(facts: Facts) -> str:
    shown = "shown" if facts.people.addresses else "withheld"
    least = facts.people.least_clients
    return f"addresses of clients are {shown}; a number of clients below {least} is not given"


def _ends(period: Period) -> tuple[int | None, int | None]:
    return period.since_ns, period.until_ns
