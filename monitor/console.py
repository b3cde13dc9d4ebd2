"""The summary of a replay as people read it on a terminal, 80 columns wide.

Findings first, then what could not be decided, then the rest. Every line is from the summary document.
"""

from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from monitor.summary import Summary
from monitor.tally import Destination, FlowCount
from monitor.types import Coverage, Outcome
from monitor.wording import describe_place, moment, plural, size

_TITLES: dict[Outcome | None, tuple[str, str]] = {
    "violation": ("Outside policy", "bold red"),
    "indeterminate": ("Could not be decided", "yellow"),
    "unassigned": ("From clients that no source group owns", "magenta"),
    "excepted": ("Outside policy, under an exception in force", "cyan"),
    "allow": ("Within policy", "green"),
    None: ("LLM providers reached (no policy given: nothing is judged)", "bold"),
}
_COVERAGE: dict[Coverage, str] = {
    "sni": "by a name on the wire (TLS, QUIC, HTTP)",
    "dns": "by the client's own DNS answers",
    "address": "by address only",
    "ambiguous": "ambiguous: several names for the address",
    "concealed": "name concealed (ECH)",
    "midstream": "the capture starts inside the connection",
    "lost": "lost: evicted, or the first message incomplete",
}


def print_summary(console: Console, summary: Summary) -> None:
    """Print the summary."""
    for part in _parts(summary):
        console.print(part)


def _parts(summary: Summary) -> Iterator[RenderableType]:
    yield Text("Residency Monitor", style="bold").append(f" {summary.versions.tool}", style="not bold")
    yield _read(summary)
    yield _coverage(summary)
    rows = summary.destinations
    if not rows:
        yield Text("\nNo connection to a known LLM provider was seen.", style="bold")
    for outcome, (title, style) in _TITLES.items():
        chosen = [row for row in rows if row.key.outcome == outcome]
        if chosen:
            yield Text()
            yield Rule(
                Text(f"{title}: {plural(_flows(chosen), 'connection')}", style), align="left", style=style
            )
            yield from (_destination(row) for row in chosen)
    yield Text()
    yield from (Text(limit, style="dim") for limit in summary.limits)


def _read(summary: Summary) -> RenderableType:
    accounting, versions = summary.accounting, summary.versions
    table = _facts()
    table.add_row("engine", versions.engine)
    table.add_row("policy", versions.policy or "none")
    table.add_row("catalogue", versions.catalogue)
    for dataset in versions.datasets:
        table.add_row("data set", dataset)
    table.add_row("read", f"{plural(accounting.read.packets, 'packet')}, {size(accounting.read.bytes)}")
    if accounting.first_ns is not None and accounting.last_ns is not None:
        table.add_row("from, to", f"{moment(accounting.first_ns)}, {moment(accounting.last_ns)} UTC")
    for reason, count in sorted(accounting.undecoded.items()):
        table.add_row("not decoded", f"{plural(count.packets, 'packet')}: {reason}")
    for reason, gap in summary.gaps.items():
        table.add_row("gap", f"{plural(gap.packets, 'packet')}, {size(gap.bytes)}: {reason}")
    if not summary.complete:
        table.add_row("complete", Text("no: see the messages; what was read is counted", "bold yellow"))
    return table


def _coverage(summary: Summary) -> RenderableType:
    total = summary.connections
    share = "-" if summary.named_share is None else f"{summary.named_share:.1%}"
    table = _facts()
    table.add_row(
        "connections", f"{total.flows:,} ({size(total.bytes_up)} up, {size(total.bytes_down)} down)"
    )
    table.add_row("named", f"{share} of them")
    for name, count in summary.coverage.items():
        if count.flows:
            table.add_row("", f"{count.flows:,} {_COVERAGE[name]}")
    table.add_row("to LLMs", f"{summary.llm_related.flows:,}")
    return Group(Text(), table)


def _destination(row: Destination) -> RenderableType:
    key, count = row.key, row.count
    who = "/".join(part for part in (key.tenant, key.source_group) if part) or row.flow.client
    head = Text()
    if key.rule:
        severity = f" {key.severity}" if key.severity and key.outcome == "violation" else ""
        head.append(f"{key.rule}{severity}  ", style="bold")
    head.append(f"{who} -> ")
    head.append(_provider(row), style="bold")
    table = _facts()
    table.add_row("where", f"{describe_place(key.scope, key.region, key.countries)} ({key.certainty})")
    table.add_row("traffic", f"{plural(count.flows, 'connection')}, {_bytes(count)}")
    table.add_row("first", f"{moment(row.first_ns)} UTC  {row.flow.client} -> {row.name or row.flow.server}")
    for label, sentences in (
        ("evidence", row.evidence),
        ("against it", row.conflicts),
        ("because", row.reasons),
    ):
        for sentence in sentences:
            table.add_row(label, sentence)
            label = ""  # noqa: PLW2901  said once
    return Group(head, Padding(table, (0, 0, 0, 2)))


def _provider(row: Destination) -> str:
    key = row.key
    if key.provider is not None:
        return f"{key.provider}, {key.service}" if key.service else key.provider
    if key.possible:
        return f"one of {', '.join(key.possible)}, or none of them"
    return "a name that ECH conceals"


def _facts() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True, min_width=11)
    table.add_column(overflow="fold")
    return table


def _flows(rows: Sequence[Destination]) -> int:
    return sum(row.count.flows for row in rows)


def _bytes(count: FlowCount) -> str:
    return f"{size(count.bytes_up)} up, {size(count.bytes_down)} down"
