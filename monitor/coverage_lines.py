"""Coverage as people read it on a terminal: the total, its classes, and the source groups, worst first.

It leads every summary; the summary's ``coverage_statement`` stands in every sentence that says that something
was not seen.
"""

from collections.abc import Iterator, Sequence

import click

from monitor.counts import FlowCount
from monitor.coverage import NAMED
from monitor.summary import GroupCoverage, Summary
from monitor.types import Concealment, Coverage
from monitor.wording import fact, percent, plural, size, wrapped

MAX_ROWS = 10  # source groups that are shown
TABLE_WIDTH = 80
MAX_SILENT = 5  # those without a connection

_COVERAGE: dict[Coverage, str] = {
    "sni": "by a name on the wire (TLS, QUIC, HTTP)",
    "dns": "by the client's own DNS answers",
    "address": "by address only",
    "ambiguous": "ambiguous: several names for the address",
    "concealed": "concealed: the name is encrypted (ECH)",
    "midstream": "midstream: the capture holds no start",
    "lost": "lost: evicted, or the first message incomplete",
}
_KINDS: dict[Concealment, str] = {"doh": "DoH", "dot": "DoT", "doq": "DoQ", "vpn": "VPN", "relay": "relay"}
_CONCEALING: tuple[tuple[tuple[Concealment, ...], str, str], ...] = (
    (("doh", "dot", "doq"), "to encrypted DNS", "it hides lookups"),
    (("vpn", "relay"), "to VPNs or relays", "they hide other connections"),
)
_COLUMNS = ("connections", "bytes", "named", "of bytes", "hosting")
_WIDTHS = (13, 10, 9, 10, 9)


def coverage_lines(summary: Summary, width: int) -> Iterator[str]:
    """Yield the lines that a summary begins with."""
    for line in wrapped(f"COVERAGE: {_total(summary)}", width):
        yield click.style(line, bold=True)
    last = None
    for label, value in _facts(summary):
        yield fact(label if label != last else "", value, width)
        last = label
    if summary.versions.policy is not None:
        yield from _groups(summary.coverage_by_group, width)


def _total(summary: Summary) -> str:
    named, seen = summary.named, summary.connections
    if not seen.flows:
        return "no connection was seen"
    flows, share = percent(named.flows, seen.flows), percent(named.bytes(), seen.bytes())
    return f"{flows} of connections and {share} of bytes could be named"


def _facts(summary: Summary) -> Iterator[tuple[str, str]]:
    seen, related = summary.connections, summary.llm_related
    yield "connections", f"{seen.flows:,}; {size(seen.bytes_up)} up, {size(seen.bytes_down)} down"
    for name, words in _COVERAGE.items():
        count = summary.coverage[name]
        if count.flows:
            yield "named" if name in NAMED else "not named", f"{_counted(count)} {words}"
    yield from _hosting(summary)
    yield from _concealing(summary)
    if summary.ech_offered.flows:
        yield "ECH", f"{_counted(summary.ech_offered)} offered it behind an outer name, in whatever class"
    if summary.ech_grease.flows:
        words = "with what is taken for GREASE: the name outside is believed"
        yield "ECH", f"{_counted(summary.ech_grease)} {words}"
    yield "to LLMs", f"{related.flows:,}; {size(related.bytes_up)} up, {size(related.bytes_down)} down"


def _hosting(summary: Summary) -> Iterator[tuple[str, str]]:
    """Yield those without a name that could have been LLM calls, and how many of them were attributed."""
    hosting, attributed = summary.address_hosting, summary.address_attributed.flows
    if hosting.flows:
        said = f"{_counted(hosting)} of these have no name, at an address where LLM endpoints are hosted"
        known = f"; {attributed:,} of them attributed all the same, and listed below" if attributed else ""
        yield "not named", f"- {said}{known}"


def _concealing(summary: Summary) -> Iterator[tuple[str, str]]:
    """Yield the class that hides others, by kind."""
    for kinds, to, hidden in _CONCEALING:
        counts = {kind: summary.concealing[kind] for kind in kinds if summary.concealing[kind].flows}
        if counts:
            parts = ", ".join(f"{count.flows:,} {_KINDS[kind]}" for kind, count in counts.items())
            whole = FlowCount()
            for count in counts.values():
                whole.include(count)
            yield "hiding", f"{_counted(whole)} {to} ({parts}): {hidden}"


def _groups(rows: Sequence[GroupCoverage], width: int) -> Iterator[str]:
    """Yield a table of the groups that were seen, worst first, and the names of the others."""
    seen = sorted((row for row in rows if row.connections.flows), key=_worst_first)
    if seen:
        yield ""
        yield _row("source group", _COLUMNS, width)
    for row in seen[:MAX_ROWS]:
        label, cells = _label(row), _cells(row)
        if len(label) > _room(width):
            yield f"  {label}"
            label = ""
        yield _row(label, cells, width)
    if len(seen) > MAX_ROWS:
        yield f"  and {len(seen) - MAX_ROWS:,} more, which could be named as well or better"
    silent = [row for row in rows if row.kind != "unassigned" and not row.connections.flows]
    if silent:
        names = ", ".join(map(_label, silent[:MAX_SILENT]))
        more = f" and {len(silent) - MAX_SILENT:,} more" if len(silent) > MAX_SILENT else ""
        yield from wrapped(f"  no connection was seen from {names}{more}", width)


def _worst_first(row: GroupCoverage) -> tuple[float, float, int, str]:
    return row.named_share or 0, row.named_bytes_share or 0, -row.connections.flows, _label(row)


def _label(row: GroupCoverage) -> str:
    if row.kind == "unassigned":
        return "(no source group)"
    if row.kind == "folded":
        return f"({plural(row.groups, 'more group')} together)"
    return f"{row.tenant}/{row.source_group}"


def _cells(row: GroupCoverage) -> tuple[str, ...]:
    named, seen = row.named, row.connections
    return (
        f"{seen.flows:,}",
        size(seen.bytes()),
        percent(named.flows, seen.flows),
        percent(named.bytes(), seen.bytes()),
        f"{row.address_hosting.flows:,}",
    )


def _row(label: str, cells: Sequence[str], width: int) -> str:
    columns = "".join(f"{cell:>{wide}}" for cell, wide in zip(cells, _WIDTHS, strict=True))
    return f"  {label:<{_room(width)}}{columns}"


def _room(width: int) -> int:
    """Return how wide a group's label may be beside its figures."""
    return min(width, TABLE_WIDTH) - 2 - sum(_WIDTHS)


def _counted(count: FlowCount) -> str:
    return f"{count.flows:,} ({size(count.bytes())})"
