"""What `residency report` prints of a report, in short; and the exit status that its facts call for."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from monitor.commands.terminal import labelled
from monitor.exitstatus import Exit
from monitor.report.document import facts_sha256
from monitor.report.statements import is_inventory, none_outside
from monitor.report.types import JUDGEMENTS, Facts, Judgement
from monitor.wording import percent, plural

_CLOSED = ("cured", "excepted")
_OUTCOMES: dict[Judgement, str] = {
    "violation": "outside policy",
    "indeterminate": "not decided",
    "unassigned": "of no source group",
    "excepted": "under an exception",
    "allow": "within policy",
}


def status(facts: Facts) -> Exit:
    """Return the exit status: what was not looked at outweighs what was found."""
    if not facts.seen.complete or any(each.problems for each in facts.inputs):
        return Exit.INCOMPLETE
    outside = facts.outcomes is not None and facts.outcomes["violation"].flows > 0
    found = any(each.finding.kind == "violation" for each in facts.findings)
    return Exit.VIOLATIONS if outside or found else Exit.DONE


def lines(facts: Facts, written: Sequence[Path], columns: int) -> Iterator[str]:
    """Yield the summary, coverage first, then what was written."""
    yield labelled("coverage", _coverage(facts), columns)
    yield labelled("to LLMs", _outcomes(facts), columns)
    yield labelled("findings", _findings(facts), columns)
    for number, path in enumerate(written):
        yield labelled("" if number else "written", str(path), columns)
    yield labelled("facts", f"SHA-256 {facts_sha256(facts)}", columns)


def _coverage(facts: Facts) -> str:
    seen = facts.seen
    if not seen.connections.flows:
        return seen.says
    named = percent(seen.named.flows, seen.connections.flows)
    said = f"{named} of {plural(seen.connections.flows, 'connection')} could be named"
    return said if seen.complete else f"{said}; not everything could be looked at"


def _outcomes(facts: Facts) -> str:
    related = plural(facts.related.flows, "connection")
    outcomes = facts.outcomes
    if outcomes is None:
        return f"{related}; {'an inventory: no policy judged' if is_inventory(facts) else 'findings alone'}"
    counts = [(outcomes[name].flows, name) for name in JUDGEMENTS if name != "inventory"]
    parts = [f"{flows:,} {_OUTCOMES[name]}" for flows, name in counts if flows or name == "violation"]
    said = f"{related}: {', '.join(parts)}"
    if outcomes["violation"].flows:
        return said
    return f"{said}; {none_outside(facts)}"


def _findings(facts: Facts) -> str:
    total = len(facts.findings) + facts.left_out.get("findings", 0)
    if not total:
        return f"none ({facts.seen.says})"
    standing = sum(each.finding.state not in _CLOSED for each in facts.findings)
    return f"{total:,}, of which {standing:,} not closed"
