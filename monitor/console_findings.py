"""The summary's part on findings, as people read it on a terminal: two lines each, worst first."""

from collections.abc import Iterator, Sequence

import click

from monitor.findings.types import Finding
from monitor.wording import describe_place, moment, plural, wrapped

MAX_SHOWN = 50  # the rest is in findings.jsonl
_DAY = len("2026-03-10")
_HEAD = f"{'id':<16} {'severity':<8} {'connect.':>8} {'cure by':<10} rule"


def findings(found: Sequence[Finding], width: int) -> Iterator[str]:
    """Yield the lines on findings; none where there are none."""
    if not found:
        return
    yield ""
    yield click.style(f"FINDINGS: {len(found):,}", fg="yellow", bold=True)
    yield ""
    yield _HEAD
    for finding in found[:MAX_SHOWN]:
        yield from _finding(finding, width)
    if len(found) > MAX_SHOWN:
        yield f"and {plural(len(found) - MAX_SHOWN, 'more finding')} in findings.jsonl"


def _finding(finding: Finding, width: int) -> Iterator[str]:
    deadline = moment(finding.deadline_ns)[:_DAY]
    row = f"{finding.id:<16} {finding.severity:<8} {finding.count:>8,} {deadline:<10} {finding.rule}"
    yield from [row] if len(row) <= width else wrapped(row, width)
    yield from (f"  {line}" for line in wrapped(what(finding), width - 2))


def what(finding: Finding) -> str:
    """Return whose connections reached what, and where that is."""
    if finding.rule == finding.kind:
        return finding.title  # a behaviour says so itself
    subject = finding.subject
    group = "/".join(part for part in (subject.tenant, subject.source_group) if part)
    reached = finding.provider or " or ".join(finding.possible) or "unknown: the name is concealed"
    return f"{group} -> {reached}; {describe_place(finding.scope, finding.region, finding.countries)}"
