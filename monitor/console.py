"""The summary of a replay as people read it on a terminal; made for 80 columns.

What is outside policy comes first and in full, then what could not be decided, then the rest in short.
Every line is from the summary document.
"""

import shutil
from collections.abc import Iterator, Sequence

import click

from monitor.console_behaviours import behaviours
from monitor.summary import RuleText, Summary
from monitor.tally import Destination
from monitor.types import Concealment, Coverage, Outcome
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
_COVERAGE: dict[Coverage, str] = {
    "sni": "by a name on the wire (TLS, QUIC, HTTP)",
    "dns": "by the client's own DNS answers",
    "address": "by address only",
    "ambiguous": "ambiguous: several names for the address",
    "concealed": "concealed: the name is encrypted (ECH)",
    "midstream": "midstream: the capture holds no start",
    "lost": "lost: evicted, or the first message incomplete",
}
_CONCEALING: tuple[tuple[frozenset[Concealment], str], ...] = (
    (frozenset({"doh", "dot", "doq"}), "to encrypted DNS (DoH, DoT, DoQ): it hides lookups"),
    (frozenset({"vpn", "relay"}), "to VPNs or relays: they hide other connections"),
)


def print_summary(summary: Summary) -> None:
    """Print the summary on stdout, in colour where that is a terminal."""
    width = min(max(shutil.get_terminal_size().columns, MIN_WIDTH), MAX_WIDTH)
    for line in lines(summary, width):
        click.echo(line)


def lines(summary: Summary, width: int) -> Iterator[str]:
    """Yield the lines of the summary; only a word that is longer than ``width`` goes beyond it."""
    yield click.style(f"Residency Monitor {summary.versions.tool}", bold=True)
    yield from (fact(label, value, width) for label, value in _facts(summary))
    if not summary.destinations:
        yield ""
        yield "No connection to an LLM provider of the catalogue was seen."
    for outcome, (title, colour) in _TITLES.items():
        rows = [row for row in summary.destinations if row.key.outcome == outcome]
        if rows:
            yield ""
            heading = wrapped(f"{title}: {_flows(rows)}", width)
            yield from (click.style(line, fg=colour, bold=True) for line in heading)
            for row in rows:
                yield from _destination(row, summary.rules.get(row.key.rule or ""), width)
    yield from behaviours(summary, width)
    yield ""
    for limit in summary.limits:
        yield from wrapped(limit, width)


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
    for name, reached in summary.bounds.items():
        yield "bound", f"{reached:,} {name}"
    others = [(name, count) for name, count in accounting.counters.items() if name not in summary.bounds]
    if others:
        yield "counted", ", ".join(f"{count:,} {name}" for name, count in others)
    if not summary.complete:
        yield "incomplete", "not everything could be looked at; what was read is counted"
    yield from _coverage(summary)


def _coverage(summary: Summary) -> Iterator[tuple[str, str]]:
    total = summary.connections
    share = "" if summary.named_share is None else f", {summary.named_share:.1%} of them named"
    yield "connections", f"{total.flows:,}{share}; {size(total.bytes_up)} up, {size(total.bytes_down)} down"
    for name, count in summary.coverage.items():
        if name == "concealing":
            yield from _concealing(summary)
        elif count.flows:
            yield "", f"{count.flows:,} {_COVERAGE[name]}"
    related = summary.llm_related
    yield "to LLMs", f"{related.flows:,}; {size(related.bytes_up)} up, {size(related.bytes_down)} down"


def _concealing(summary: Summary) -> Iterator[tuple[str, str]]:
    """Yield the class that hides others in its parts."""
    for kinds, words in _CONCEALING:
        flows = sum(summary.concealing[kind].flows for kind in kinds)
        if flows:
            yield "", f"{flows:,} {words}"


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
