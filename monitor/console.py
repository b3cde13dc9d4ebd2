"""The summary of a replay as people read it on a terminal; made for 80 columns.

What is outside policy comes first and in full, then what could not be decided, then the rest in short.
Every line is from the summary document.
"""

import shutil
from collections.abc import Iterator, Sequence

import click

from monitor.summary import Summary
from monitor.tally import Destination
from monitor.types import Coverage, Outcome
from monitor.wording import describe_place, fact, facts, moment, plural, size

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
_COVERAGE: dict[Coverage, str] = {
    "sni": "by a name on the wire (TLS, QUIC, HTTP)",
    "dns": "by the client's own DNS answers",
    "address": "by address only",
    "ambiguous": "ambiguous: several names for the address",
    "concealed": "concealed: the name is encrypted (ECH)",
    "midstream": "midstream: the capture holds no start",
    "lost": "lost: evicted, or the first message incomplete",
}


def print_summary(summary: Summary) -> None:
    """Print the summary on stdout, in colour where that is a terminal."""
    width = min(max(shutil.get_terminal_size().columns, MIN_WIDTH), MAX_WIDTH)
    for line in _lines(summary, width):
        click.echo(line)


def _lines(summary: Summary, width: int) -> Iterator[str]:
    yield click.style(f"Residency Monitor {summary.versions.tool}", bold=True)
    yield from (fact(label, value, width) for label, value in _facts(summary))
    if not summary.destinations:
        yield ""
        yield "No connection to an LLM provider of the catalogue was seen."
    for outcome, (title, colour) in _TITLES.items():
        rows = [row for row in summary.destinations if row.key.outcome == outcome]
        if rows:
            yield ""
            yield click.style(f"{title}: {_flows(rows)}", fg=colour, bold=True)
            for row in rows:
                yield from _destination(row, width)
    yield ""
    yield from summary.limits


def _facts(summary: Summary) -> Iterator[tuple[str, str]]:
    accounting, versions = summary.accounting, summary.versions
    yield "policy", versions.policy or "none"
    yield "catalogue", versions.catalogue
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
    if not summary.complete:
        yield "incomplete", "not everything could be looked at; what was read is counted"
    yield from _coverage(summary)


def _coverage(summary: Summary) -> Iterator[tuple[str, str]]:
    total = summary.connections
    share = "" if summary.named_share is None else f", {summary.named_share:.1%} of them named"
    yield "connections", f"{total.flows:,}{share}; {size(total.bytes_up)} up, {size(total.bytes_down)} down"
    for name, count in summary.coverage.items():
        if count.flows:
            yield "", f"{count.flows:,} {_COVERAGE[name]}"
    related = summary.llm_related
    yield "to LLMs", f"{related.flows:,}; {size(related.bytes_up)} up, {size(related.bytes_down)} down"


def _destination(row: Destination, width: int) -> Iterator[str]:
    key, count = row.key, row.count
    rule = f"{key.rule} " if key.rule else ""
    severity = f"({key.severity}) " if key.severity and key.outcome == "violation" else ""
    yield ""
    yield f"{click.style(rule, bold=True)}{severity}{_who(row)} -> {click.style(_provider(row), bold=True)}"
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


def _who(row: Destination) -> str:
    return "/".join(part for part in (row.key.tenant, row.key.source_group) if part) or row.flow.client


def _provider(row: Destination) -> str:
    key = row.key
    if key.provider is not None:
        return f"{key.provider}, {key.service}" if key.service else key.provider
    if key.possible:
        return f"{' or '.join(key.possible)}, or no LLM at all"
    return "unknown: the name is concealed"


def _flows(rows: Sequence[Destination]) -> str:
    return plural(sum(row.count.flows for row in rows), "connection")
