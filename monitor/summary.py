"""The summary of a replay as one document: what was read, what could be named, who was reached, what follows.

Pure: it arranges what the sensor and the tally counted. `summary.json` is this document, key by key.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import UNSET, UnsetType

from monitor.behaviours import Behaviour, BehaviourKind, Behaviours, LatencyReport
from monitor.counts import FlowCount
from monitor.coverage import ClassCounts, named_of, share
from monitor.findings.summing import FindingsBlock, summed
from monitor.findings.types import Finding
from monitor.groups import GroupKind, SourceGroup
from monitor.policy.schema import Rule
from monitor.tally import Destination, Tally
from monitor.types import Concealment, Coverage, Outcome
from monitor.wording import coverage_clause
from sensors.connections import CorrelatorCounters
from sensors.observations import Accounting, Count

SCHEMA = "residency-summary/1"
ENDED_NOT_RAN = "Network evidence shows where a connection ended, not where inference ran."
NAME_IS_A_CLAIM = "A server name is what the client chose to say, and nothing in a capture can confirm it."
LIMITS = (
    ENDED_NOT_RAN,
    NAME_IS_A_CLAIM,
    "After its first request a connection may carry others, for other hosts too (HTTP/2, proxies).",
    "Encrypted DNS, VPNs and relays hide what goes through them; only known ones are counted as such.",
    "Traffic that did not pass the capture point is not in these figures.",
)
# A bound was reached, so that the names of some connections may be missing: counters of the sensor, and
# reasons for which it left packets undecoded.
_COUNTED_BOUNDS = (
    "delayed-files", "dns-clipped-answers", "first-message-too-long", "quic-over-limit", "reading-given-up",
)  # fmt: skip
_UNDECODED_BOUNDS = ("fragment-overflow", "too-deep-nesting")


class RuleText(msgspec.Struct, frozen=True):
    """What a policy's rule says to people."""

    description: str
    severity: str
    references: tuple[str, ...]
    remediation: str


class Versions(msgspec.Struct, frozen=True):
    """What a run was made with. Two runs with equal versions over equal input give equal decisions.

    ``as_of`` is the day that was asked for: data sets are then the newest of those that are not newer.
    """

    tool: str
    engine: str
    catalogue: str
    policy: str | None
    datasets: tuple[str, ...] = ()
    as_of: str | None = None
    location: str | None = None  # where the sensor stands, where physics was to count


class GroupCoverage(msgspec.Struct, frozen=True):
    """The coverage of one source group. Keys as in the summary, for this group's clients alone.

    ``kind`` is "group", "unassigned" (clients that no group owns) or "folded" (so many ``groups`` of the
    policy together as are beyond the bound). A group from which nothing was seen is there too.
    """

    kind: GroupKind
    tenant: str | None
    source_group: str | None
    groups: int
    connections: FlowCount
    named_share: float | None
    named_bytes_share: float | None
    coverage: dict[Coverage, FlowCount]
    concealing: dict[Concealment, FlowCount]
    ech_offered: FlowCount
    ech_grease: FlowCount
    address_hosting: FlowCount
    address_attributed: FlowCount
    lookups: FlowCount

    @property
    def named(self) -> FlowCount:
        """The sum over the classes that have one name."""
        return named_of(self.coverage)


class Summary(msgspec.Struct, frozen=True):
    """All that a replay says in total.

    ``coverage_statement`` belongs to every sentence that says that something was not observed.
    ``concealing`` is that coverage class by kind. ``ech_offered``, ``ech_grease``, ``address_hosting`` and
    ``address_attributed`` count connections a second time, as `ClassCounts` says. The shares are cut off, not
    rounded. ``bounds`` counts what reached a bound, so that something may be missing; ``rules`` are those
    that the destinations name. ``behaviours`` and ``latency`` are there where the policy asks for them;
    ``behaviour_counts`` are the former by kind, of all that were looked for. ``findings`` are there where
    there is a policy.
    """

    coverage_statement: str
    connections: FlowCount
    named_share: float | None
    named_bytes_share: float | None
    coverage: dict[Coverage, FlowCount]
    concealing: dict[Concealment, FlowCount]
    ech_offered: FlowCount
    ech_grease: FlowCount
    address_hosting: FlowCount
    address_attributed: FlowCount
    coverage_by_group: tuple[GroupCoverage, ...]
    versions: Versions
    inputs: tuple[str, ...]
    complete: bool
    accounting: Accounting
    gaps: dict[str, Count]
    bounds: dict[str, int]
    lookups: FlowCount
    forgotten: CorrelatorCounters
    llm_related: FlowCount
    outcomes: dict[Outcome, FlowCount] | None
    destinations: tuple[Destination, ...]
    folded_destinations: int
    rules: dict[str, RuleText]
    behaviours: tuple[Behaviour, ...] | UnsetType = UNSET
    behaviour_counts: dict[BehaviourKind, int] | UnsetType = UNSET
    latency: LatencyReport | UnsetType = UNSET
    findings: FindingsBlock | UnsetType = UNSET
    limits: tuple[str, ...] = LIMITS
    schema: str = SCHEMA

    @property
    def named(self) -> FlowCount:
        """The sum over the classes that have one name."""
        return named_of(self.coverage)


def summarise(
    versions: Versions,
    inputs: Sequence[str],
    accounting: Accounting,
    counted: tuple[Tally, CorrelatorCounters],
    rules: Mapping[str, Rule],
) -> Summary:
    """Arrange the totals of a run."""
    tally, forgotten = counted
    covered = tally.covered()
    connections, named = covered.connections(), covered.named()
    bounds = _bounds(accounting, tally, forgotten)
    complete = _is_complete(accounting, tally) and not bounds
    destinations = tuple(tally.destinations())
    return Summary(
        coverage_statement=coverage_clause(named, connections, complete=complete),
        versions=versions,
        inputs=tuple(inputs),
        complete=complete,
        accounting=accounting,
        gaps=dict(sorted(tally.gaps.items())),
        bounds=bounds,
        connections=connections,
        coverage=covered.coverage,
        concealing=covered.concealing,
        named_share=share(named.flows, connections.flows),
        named_bytes_share=share(named.bytes(), connections.bytes()),
        ech_offered=covered.ech_offered,
        ech_grease=covered.ech_grease,
        address_hosting=covered.address_hosting,
        address_attributed=covered.address_attributed,
        coverage_by_group=tuple(_group(*each) for each in tally.covered_by_group()),
        lookups=covered.lookups,
        forgotten=forgotten,
        llm_related=tally.related,
        outcomes=tally.outcomes if versions.policy is not None else None,
        destinations=destinations,
        folded_destinations=tally.folded_destinations,
        rules=_texts(rules, destinations),
    )


def with_behaviours(summary: Summary, behaviours: Behaviours) -> Summary:
    """Add what the policy asked to look for across connections; without such a policy nothing changes."""
    if not behaviours.asked:
        return summary
    found, forgotten = behaviours.finish(), behaviours.forgotten()
    bounds = {**summary.bounds, "forgotten-behaviours": forgotten} if forgotten else summary.bounds
    return msgspec.structs.replace(
        summary,
        complete=summary.complete and not forgotten,
        bounds=dict(sorted(bounds.items())),
        behaviours=found,
        behaviour_counts={kind: sum(each.kind == kind for each in found) for kind in behaviours.kinds()},
        latency=behaviours.latency() or UNSET,
    )


def with_findings(summary: Summary, findings: Iterable[Finding], forgotten: int) -> Summary:
    """Add what the findings come to; ``forgotten`` are those that there was no room for."""
    bounds = {**summary.bounds, "forgotten-findings": forgotten} if forgotten else summary.bounds
    return msgspec.structs.replace(
        summary,
        complete=summary.complete and not forgotten,
        bounds=dict(sorted(bounds.items())),
        findings=summed(findings),
    )


def _group(group: SourceGroup, counts: ClassCounts) -> GroupCoverage:
    connections, named = counts.connections(), counts.named()
    return GroupCoverage(
        kind=group.kind,
        tenant=group.tenant,
        source_group=group.source_group,
        groups=group.groups,
        connections=connections,
        named_share=share(named.flows, connections.flows),
        named_bytes_share=share(named.bytes(), connections.bytes()),
        coverage=counts.coverage,
        concealing=counts.concealing,
        ech_offered=counts.ech_offered,
        ech_grease=counts.ech_grease,
        address_hosting=counts.address_hosting,
        address_attributed=counts.address_attributed,
        lookups=counts.lookups,
    )


def _is_complete(accounting: Accounting, tally: Tally) -> bool:
    """Tell whether everything that was on the wire at the capture point could be looked at."""
    lost = {"ring", "table", "snaplen"} & tally.gaps.keys()
    return not accounting.faults and not lost


def _bounds(accounting: Accounting, tally: Tally, forgotten: CorrelatorCounters) -> dict[str, int]:
    """Return how often each bound was reached behind which the name of an LLM may be missing."""
    counts = {name: accounting.counters.get(name, 0) for name in _COUNTED_BOUNDS}
    counts |= {name: accounting.undecoded.get(name, Count()).packets for name in _UNDECODED_BOUNDS}
    counts["forgotten-hellos"] = forgotten.forgotten_hellos
    counts["forgotten-names"] = forgotten.forgotten_names
    counts["folded-destinations"] = tally.folded_destinations
    counts["shortened-llm-lists"] = tally.shortened_llm_lists
    return {name: count for name, count in sorted(counts.items()) if count}


def _texts(rules: Mapping[str, Rule], destinations: Sequence[Destination]) -> dict[str, RuleText]:
    """Return what the rules say that the destinations name, by identifier."""
    named = {row.key.rule for row in destinations}
    return {
        name: RuleText(rule.description, rule.severity, rule.references, rule.remediation)
        for name, rule in rules.items()
        if name in named
    }
