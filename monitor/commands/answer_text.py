"""An answer of `residency explain` for people: who and where, the evidence by weight, then what is open."""

from collections.abc import Iterator, Sequence

import click

from monitor.advice import Advice
from monitor.commands.terminal import labelled, printable, shortened, tree
from monitor.explain import Answer, JudgedAnswer
from monitor.types import Certainty, Evidence, EvidenceKind
from monitor.wording import describe_place, listed

# A name outranks its alias chain, that a published range, and that GeoIP; then comes what others said, and
# what proves little. The catalogue's entry says what the strongest of them is worth.
WEIGHTS: tuple[EvidenceKind, ...] = (
    "name", "cname", "prefix", "range", "catalogue", "rtt", "geoip", "dns", "signalling", "ech", "proxy",
    "private", "operator",
)  # fmt: skip
_CERTAINTY: dict[Certainty, tuple[str, str]] = {
    "observed": ("observed: its provider documents the name, or publishes the range", "green"),
    "inferred": ("inferred: from less than its provider's own word for this name", "yellow"),
    "indeterminate": ("indeterminate: the evidence fits several, or too little is known", "magenta"),
}
_CONCEALING = {
    "resolver": "encrypted DNS, which hides which names are looked up",
    "vpn": "a VPN, and what goes through it may be for an LLM",
    "relay": "a relay, and what goes through it may be for an LLM",
}


def lines(answer: Answer, advice: Advice, columns: int) -> Iterator[str]:
    """Yield the lines of an answer; none is wider than ``columns``."""
    yield click.style(shortened(printable(answer.input), columns), bold=True)
    yield from _facts("provider", _provider(answer), columns)
    if answer.provider is not None:
        yield from _facts("where", describe_place(answer.scope, answer.region, answer.countries), columns)
    if answer.provider is not None or answer.possible:
        words, colour = _CERTAINTY[answer.certainty]
        yield from _facts("certainty", words, columns, colour)
    yield from _concealing(advice, columns)
    if advice.closest:
        yield from _facts("closest", listed(advice.closest, "or"), columns)
    if isinstance(answer, JudgedAnswer):
        yield from _verdict(answer, columns)
    yield from tree("evidence", [_said(item) for item in _by_weight(answer.evidence)], columns)
    yield from tree("against it", [_said(item) for item in _by_weight(answer.conflicts)], columns, "red")
    yield from tree("what would change this answer", advice.would_change, columns)


def _provider(answer: Answer) -> str:
    if answer.provider is not None:
        return f"{answer.provider}, {answer.service}" if answer.service else answer.provider
    if answer.possible:
        return f"cannot be told: {', '.join(answer.possible)}, or no LLM at all"
    if any(item.kind == "catalogue" for item in answer.evidence):
        return "none: a close call, which is no LLM endpoint"
    return "none: not a known LLM endpoint"


def _concealing(advice: Advice, columns: int) -> Iterator[str]:
    concealer = advice.concealing
    if concealer is not None:
        origin = f"{concealer.source}, {concealer.date}"
        words = f"{concealer.service} ({concealer.match}): {_CONCEALING[concealer.kind]}; source: {origin}"
        yield from _facts("conceals", words, columns, "yellow")


def _verdict(answer: JudgedAnswer, columns: int) -> Iterator[str]:
    rule = f" by {answer.rule}" if answer.rule else ""
    colour = "red" if answer.outcome == "violation" else None
    yield from _facts("verdict", f"{answer.outcome or 'not judged'}{rule}", columns, colour)
    yield from tree("because", answer.reasons, columns)


def _by_weight(evidence: Sequence[Evidence]) -> list[Evidence]:
    """The evidence, the strongest first; of the same weight in the order of the attribution."""
    weights = {kind: weight for weight, kind in enumerate(WEIGHTS)}
    return sorted(evidence, key=lambda item: weights.get(item.kind, len(weights)))


def _said(item: Evidence) -> str:
    return f"{item.kind}: {item.says} [{item.dataset}]"


def _facts(label: str, value: str, columns: int, colour: str | None = None) -> Iterator[str]:
    for line in labelled(label, value, columns).splitlines():
        yield click.style(line, fg=colour) if colour else line
