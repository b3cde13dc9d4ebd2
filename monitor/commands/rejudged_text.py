"""What judging again came to, as people read it on a terminal: what was read and what is missing lead."""

from collections.abc import Iterator

import click

from monitor.commands.terminal import columns_of, labelled, printable
from monitor.counts import FlowCount
from monitor.rejudge.counting import NOT_JUDGED, NOT_RELATED, Row, RowKey, in_order, violations
from monitor.rejudge.reading import ALTERED, MALFORMED, MISSING, PUSHED_OUT, TOO_LONG
from monitor.rejudge.summary import Summary
from monitor.rejudge.types import Line, What
from monitor.wording import describe_place, listed, moment, plural, size, wrapped

SHOWN_ROWS = 30
_TITLES: dict[What, tuple[str, str]] = {
    "outcome": ("ANOTHER OUTCOME", "yellow"),
    "rule": ("THE SAME OUTCOME BY ANOTHER RULE, SEVERITY OR EXCEPTION", "cyan"),
    "subject": ("ANOTHER SOURCE GROUP OR CLASS OF DATA", "cyan"),
    "attribution": ("ANOTHER PROVIDER, PLACE OR CERTAINTY", "cyan"),
}
_PROBLEMS = {
    ALTERED: "that are not what the ledger's tree says; see `residency verify`",
    MALFORMED: "that are no decision",
    MISSING: "whose payload is gone, and no retention record says so; see `residency verify`",
    TOO_LONG: "longer than any decision",
    PUSHED_OUT: "that may count twice, for there was no room to wait for their end",
}
_UNJUDGED = {NOT_JUDGED: "not judged", NOT_RELATED: "no LLM provider"}


def summary_lines(summary: Summary, columns: int) -> Iterator[str]:
    """Yield the lines of the summary."""
    yield click.style(f"Residency Monitor {summary.versions.tool}: judged again", bold=True)
    yield ""
    for label, value in _facts(summary):
        yield labelled(label, value, columns)
    yield ""
    yield from _totals(summary, columns)
    yield ""
    yield from change_lines(summary, columns)
    yield ""
    yield from wrapped(_conclusion(summary), columns)
    yield ""
    for limit in summary.limits:
        yield from wrapped(limit, columns)


def change_lines(summary: Summary, columns: int) -> Iterator[str]:
    """Yield what changes: a sentence, and the rows by what is different."""
    yield from wrapped(_sentence(summary), columns)
    shown = summary.rows[:SHOWN_ROWS]
    for what, (title, colour) in _TITLES.items():
        rows = [row for row in shown if row.key.what == what]
        if rows:
            yield ""
            yield click.style(title, fg=colour, bold=True)
            for row in rows:
                yield from _row(row, columns)
    left = len(summary.rows) - len(shown)
    if left:
        yield ""
        yield from wrapped(f"{plural(left, 'more row')} like these: see --json.", columns)
    if summary.folded.flows:
        yield from wrapped(f"{_flows(summary.folded)} in more rows than are told apart.", columns)


def facts_of_input(summary: Summary) -> Iterator[tuple[str, str]]:
    """Yield what was read, what of it is gone, and what counts with less than its end."""
    read = summary.input
    inputs = listed(read.inputs[:3]) + (f" and {len(read.inputs) - 3} more" if len(read.inputs) > 3 else "")
    yield "read", f"{inputs or 'no ledger'}: {plural(read.records, 'record')}"
    if summary.first_ns is not None and summary.last_ns is not None:
        yield "", f"flows of {moment(summary.first_ns)} to {moment(summary.last_ns)} UTC"
    if read.erased:
        yield (
            "erased",
            f"{summary.erased_decisions:,} of {plural(read.decisions, 'decision')} are no longer there",
        )
    for each in read.erased:
        days = each.first_day if each.first_day == each.last_day else f"{each.first_day} to {each.last_day}"
        yield "", f"- {each.decisions:,} of {each.of:,} {each.payload_class}: retention erased {days}"
    if summary.unended.flows:
        yield "not ended", f"{_flows(summary.unended)} whose end was never recorded: as last seen open"
    if summary.kept.flows:
        yield "pseudonyms", f"{_flows(summary.kept)} of clients without address keep their source group"
    if summary.unknown.flows:
        yield "", f"{_flows(summary.unknown)} of these had none, whoever would own them now"
    for name, count in read.problems.items():
        yield "problem", f"{plural(count, 'record')} {_PROBLEMS[name]}"


def _facts(summary: Summary) -> Iterator[tuple[str, str]]:
    versions = summary.versions
    yield "policy", versions.policy
    yield "attribution", versions.attribution
    if versions.attribution == "made anew":
        yield "catalogue", versions.catalogue
        if versions.as_of is not None:
            yield "as of", f"{versions.as_of}: no data set that was published later was used"
        for dataset in versions.datasets:
            yield "data set", dataset
        if summary.by_distance.flows and versions.location is None:
            lost = "attributions rest on where the sensor stood: give --location, or they do without"
            yield "distance", f"{summary.by_distance.flows:,} recorded {lost}"
    yield from facts_of_input(summary)


def _totals(summary: Summary, columns: int) -> Iterator[str]:
    """Yield how many flows have which outcome, before and after."""
    names = in_order({**summary.would_be, **summary.was})
    rows = [("", "was", "", "would be", "")]
    for name in names:
        was, now = summary.was.get(name, FlowCount()), summary.would_be.get(name, FlowCount())
        rows.append((_UNJUDGED.get(name, name), *_cells(was), *_cells(now)))
    if len(rows) > 1:
        yield from (f"  {line}" for line in columns_of(rows, columns - 2))


def _cells(count: FlowCount) -> tuple[str, str]:
    return f"{count.flows:,}", size(count.bytes())


def _sentence(summary: Summary) -> str:
    judged, changed, other = summary.judged, summary.changed, summary.other_outcome
    if not judged.flows:
        return "There is no decision to judge again."
    if not changed.flows:
        return f"Nothing changes: {_flows(judged)} stand as they did."
    rest = changed.flows - other.flows
    also = f"; of {rest:,} something else changes" if rest else ""
    return f"{other.flows:,} of {plural(judged.flows, 'connection')} would have another outcome{also}."


def _row(row: Row, columns: int) -> Iterator[str]:
    key, example = row.key, row.example
    yield ""
    heading = f"{_said(key.was, key.was_rule, None)} -> {_said(key.would_be, key.rule, key.exception)}"
    yield from (click.style(line, bold=True) for line in wrapped(printable(heading), columns))
    who = "/".join(part for part in (key.tenant, key.source_group) if part) or "no source group"
    yield labelled("from", who, columns)
    yield labelled("to", f"{_provider(key)}: {_place(example)}", columns)
    up, down = size(row.count.bytes_up), size(row.count.bytes_down)
    yield labelled("traffic", f"{_flows(row.count)}, {up} up, {down} down", columns)
    yield labelled("example", _example(example), columns)
    for index, reason in enumerate(example.reasons[:3]):
        yield labelled("" if index else "because", f"- {reason}", columns)


def _said(outcome: str, rule: str | None, exception: str | None) -> str:
    beside = f" ({exception})" if exception else ""
    return f"{_UNJUDGED.get(outcome, outcome)}{f' {rule}' if rule else ''}{beside}"


def _provider(key: RowKey) -> str:
    if key.provider is not None:
        return key.provider
    return " or ".join(key.possible) + ", or no LLM at all" if key.possible else "unknown"


def _place(line: Line) -> str:
    reached = line.would_be if line.would_be.related else line.was
    return f"{describe_place(reached.scope, reached.region, reached.countries)} [{reached.certainty}]"


def _example(line: Line) -> str:
    where = f"{line.ledger} record {line.index}" if line.ledger is not None else f"line {line.index + 1}"
    ends = f"{line.flow.client} to {line.server_name or line.flow.server}"
    return f"{moment(line.ts_ns)} UTC, {ends} ({where})"


def _conclusion(summary: Summary) -> str:
    found = violations(summary.would_be)
    policy = summary.versions.policy
    if found:
        return f"{plural(found, 'connection')} would be outside policy {policy}."
    said = f"No recorded connection would be outside policy {policy}"
    if summary.erased_decisions:
        return f"{said}, of those that are still there."
    return f"{said}." if summary.complete else f"{said}, of what could be judged."


def _flows(count: FlowCount) -> str:
    return plural(count.flows, "connection")
