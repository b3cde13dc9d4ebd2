"""The summary of a replay as people read it on a terminal; made for 80 columns.

How much could be seen leads; what is outside policy comes next and in full, then what could not be decided,
then the rest in short.
Every line is from the summary document.
"""

import shutil
from collections.abc import Iterator, Sequence

import click

from monitor.console_behaviours import behaviours
from monitor.console_findings import findings as finding_lines
from monitor.coverage_lines import coverage_lines
from monitor.findings.types import Finding
from monitor.summary import RuleText, Summary
from monitor.tally import Destination
from monitor.types import Outcome
from monitor.wording import describe_place, fact, facts, moment, plural, size, wrapped

MIN_WIDTH, MAX_WIDTH = 60, 100
IN_FULL: tuple[Outcome | None, ...] = ("violation", "indeterminate", "unassigned")

_TITLES: dict[Outcome | None, tuple[str, str]] = {
    "violation": ("OUTSIDE POLICY", "red"),
    "indeterminate": ("COULD NOT BE DECIDED", "yellow"),
    "unassigned": ("FROM CLIENTS THAT NO SOURCE GROUP OWNS", "magenta"),
    "excepted": ("UNDER AN EXCEPTION IN FORCE", "cyan"),
    "allow": ("WITHIN POLICY", "green"),
    None: ("LLM PROVIDERS REACHED (no policy given: nothing is judged)", "blue"),
}
_NEITHER: dict[Outcome, str] = {  # not outside policy, and not within
    "indeterminate": "that could not be decided",
    "unassigned": "from clients that no source group owns",
    "excepted": "under an exception in force",
}


def print_summary(summary: Summary, findings: Sequence[Finding] = ()) -> None:
    """Print the summary, and the findings in short, on stdout, in colour where that is a terminal."""
    width = min(max(shutil.get_terminal_size().columns, MIN_WIDTH), MAX_WIDTH)
    for line in lines(summary, width, findings):
        click.echo(line)


def lines(summary: Summary, width: int, findings: Sequence[Finding] = ()) -> Iterator[str]:
    """Yield the lines of the summary; only a word that is longer than ``width`` goes beyond it."""
    yield click.style(f"Residency Monitor {summary.versions.tool}", bold=True)
    yield ""
    yield from coverage_lines(summary, width)
    yield ""
    yield from (fact(label, value, width) for label, value in _facts(summary))
    for sentence in _not_seen(summary):
        yield ""
        yield from wrapped(sentence, width)
    for outcome, (title, colour) in _TITLES.items():
        rows = [row for row in summary.destinations if row.key.outcome == outcome]
        if rows:
            yield ""
            heading = wrapped(f"{title}: {_flows(rows)}", width)
            yield from (click.style(line, fg=colour, bold=True) for line in heading)
            for row in rows:
                yield from _destination(row, summary.rules.get(row.key.rule or ""), width)
    yield from behaviours(summary, width)
    yield from finding_lines(findings, width)
    yield ""
    for limit in summary.limits:
        yield from wrapped(limit, width)


def _not_seen(summary: Summary) -> Iterator[str]:
    """Yield what was looked for and not seen; it says no more than coverage allows."""
    clause = summary.coverage_statement
    if not summary.destinations:
        yield f"No connection to an LLM provider of the catalogue was seen ({clause})."
    if summary.outcomes is not None and not summary.outcomes["violation"].flows:
        counts = [(summary.outcomes[outcome].flows, words) for outcome, words in _NEITHER.items()]
        beside = "; ".join(f"{plural(flows, 'connection')} {words}" for flows, words in counts if flows)
        said = f"No out-of-policy flow was observed by these captures ({clause})"
        yield f"{said}. Beside: {beside}." if beside else f"{said}."


def _facts(summary: Summary) -> Iterator[tuple[str, str]]:
    accounting, versions = summary.accounting, summary.versions
    yield "policy", versions.policy or "none"
    yield "catalogue", versions.catalogue
    if versions.as_of is not None:
        yield "as of", f"{versions.as_of}: no data set that was published later was used"
    for dataset in versions.datasets:
        yield "data set", dataset
    read = accounting.read
    yield "read", f"{plural(read.packets, 'packet')}, {size(read.bytes)}, engine {versions.engine}"
    if accounting.first_ns is not None and accounting.last_ns is not None:
        yield "", f"{moment(accounting.first_ns)} to {moment(accounting.last_ns)} UTC"
    for reason, count in sorted(accounting.undecoded.items()):
        yield "not decoded", f"{plural(count.packets, 'packet')}: {reason}"
    for reason, gap in summary.gaps.items():
        yield "gap", f"{plural(gap.packets, 'packet')}, {size(gap.bytes)}: {reason}"
    for name, reached in summary.bounds.items():
        yield "bound", f"{reached:,} {name}"
    others = [(name, count) for name, count in accounting.counters.items() if name not in summary.bounds]
    if others:
        yield "counted", ", ".join(f"{count:,} {name}" for name, count in others)
    if not summary.complete:
        yield "incomplete", "not everything could be looked at; what was read is counted"


def _destination(row: Destination, rule: RuleText | None, width: int) -> Iterator[str]:
    key, count = row.key, row.count
    yield ""
    yield from (click.style(line, bold=True) for line in wrapped(_heading(row), width))
    yield fact("where", f"{describe_place(key.scope, key.region, key.countries)} [{key.certainty}]", width)
    up, down = size(count.bytes_up), size(count.bytes_down)
    yield fact("traffic", f"{plural(count.flows, 'connection')}, {up} up, {down} down", width)
    yield fact(
        "first", f"{moment(row.first_ns)} UTC, {row.flow.client} to {row.name or row.flow.server}", width
    )
    in_full = key.outcome in IN_FULL
    yield from facts("evidence", row.evidence if in_full else row.evidence[:1], width)
    yield from facts("against", row.conflicts, width)
    yield from facts("because", row.reasons if in_full else row.reasons[:1], width)
    if rule is not None and key.outcome == "violation":
        if rule.references:
            yield fact("references", "; ".join(rule.references), width)
        if rule.remediation:
            yield fact("remediation", rule.remediation, width)


def _heading(row: Destination) -> str:
    key = row.key
    severity = f"({key.severity})" if key.severity and key.outcome == "violation" else None
    return " ".join(part for part in (key.rule, severity, _who(row), "->", _provider(row)) if part)


def _who(row: Destination) -> str:
    group = "/".join(part for part in (row.key.tenant, row.key.source_group) if part)
    if group or row.clients <= 1:
        return group or row.flow.client
    more = "more than " if row.more_clients else ""
    return f"{more}{plural(row.clients, 'client')}, the first {row.flow.client}"


def _provider(row: Destination) -> str:
    key = row.key
    if key.provider is not None:
        return f"{key.provider}, {key.service}" if key.service else key.provider
    if key.possible:
        return f"{' or '.join(key.possible)}, or no LLM at all"
    return "unknown: the name is concealed"


def _flows(rows: Sequence[Destination]) -> str:
    return plural(sum(row.count.flows for row in rows), "connection")
