"""What judging again came to, as one document: `summary.json`, and what people's text is made of. Pure."""

from typing import Literal

import msgspec

from monitor.counts import FlowCount
from monitor.rejudge.counting import Comparison, Outcomes, Row, in_order

SCHEMA = "residency-rejudged/1"
LIMITS = (
    "Connections that the catalogue of the time did not know are not recorded; only captures tell of them.",
    "Names that were left out of a record do not count in an attribution that is made anew.",
)


class Versions(msgspec.Struct, frozen=True):
    """What was judged by. ``before`` is the policy that "was" stands for; null where that is as recorded."""

    tool: str
    policy: str
    before: str | None
    catalogue: str
    attribution: Literal["as recorded", "made anew"]
    datasets: tuple[str, ...] = ()
    as_of: str | None = None
    location: str | None = None


class Erased(msgspec.Struct, frozen=True):
    """Decisions that retention erased, by what it tells apart: how many of how many, and of which days."""

    payload_class: str
    decisions: int
    of: int
    first_day: str
    last_day: str


class Input(msgspec.Struct, frozen=True):
    """What was read. ``decisions`` are records, verdicts on connections that still lived among them.

    ``superseded`` are those of such verdicts that a later record took the place of. ``problems`` counts what
    could not be judged, by what was wrong; ``faults`` are inputs that could not be read on.
    """

    inputs: tuple[str, ...]
    records: int = 0
    decisions: int = 0
    superseded: int = 0
    erased: tuple[Erased, ...] = ()
    problems: dict[str, int] = {}
    faults: tuple[str, ...] = ()


class Summary(msgspec.Struct, frozen=True):
    """All that judging again says in total.

    ``changed`` are flows of which anything is different, ``other_outcome`` those with another outcome.
    ``unended`` count by what was known while they were open. ``kept`` are those of pseudonyms, whose recorded
    source group stays; ``unknown`` are the ones among them that no group owned. ``by_distance`` are recorded
    attributions that rest on where the sensor stood. ``complete`` is false where something could not be
    judged, but for what retention erased.
    """

    versions: Versions
    input: Input
    complete: bool
    first_ns: int | None
    last_ns: int | None
    judged: FlowCount
    changed: FlowCount
    other_outcome: FlowCount
    unended: FlowCount
    kept: FlowCount
    unknown: FlowCount
    by_distance: FlowCount
    was: Outcomes
    would_be: Outcomes
    rows: tuple[Row, ...]
    folded: FlowCount
    limits: tuple[str, ...]
    schema: str = SCHEMA

    @property
    def erased_decisions(self) -> int:
        """How many decisions retention erased."""
        return sum(each.decisions for each in self.input.erased)


def summarise(versions: Versions, read: Input, counted: Comparison) -> Summary:
    """Arrange the totals of a run."""
    return Summary(
        versions=versions,
        input=read,
        complete=not read.problems and not read.faults,
        first_ns=counted.first_ns,
        last_ns=counted.last_ns,
        judged=counted.judged,
        changed=counted.changed,
        other_outcome=counted.other_outcome,
        unended=counted.unended,
        kept=counted.kept,
        unknown=counted.unknown,
        by_distance=counted.by_distance,
        was=in_order(counted.was),
        would_be=in_order(counted.would_be),
        rows=tuple(counted.rows()),
        folded=counted.folded,
        limits=LIMITS if versions.attribution == "made anew" else LIMITS[:1],
    )


def summary_json(summary: msgspec.Struct) -> bytes:
    """Return a summary as indented JSON, ending in a line break."""
    return msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n"
