"""The executive summary: what the facts allow to be said in sentences, and no more than that. Pure.

What was not observed is said only with how much could be seen. Connections are outside policy or not; nothing
is said of law, nor of where a request was processed.
"""

from collections.abc import Iterator

import msgspec

from monitor.report.periods import touches
from monitor.report.types import JUDGEMENTS, Facts, Judgement
from monitor.summary import ENDED_NOT_RAN
from monitor.tally import Destination
from monitor.wording import listed, moment, percent, plural

MAX_LISTED = 5  # names in a sentence; more are counted
WHAT_IT_PROVES = (
    "Network evidence can show that a connection ended at a name or an address, when, and how much went over"
    " it; it cannot show where a request was processed, or what it said."
)


class Statement(msgspec.Struct, frozen=True):
    """A sentence or two, and the judgement that they are about, if any."""

    text: str
    judgement: Judgement | None = None


def statements(facts: Facts) -> tuple[Statement, ...]:
    """Return the sentences of the summary, in the order in which they are read."""
    return tuple(_statements(facts))


def ended_ns(facts: Facts) -> int | None:
    """Return the end of the period, or that of its connections: what deadlines are held against."""
    return facts.seen_period.until_ns if facts.period.until_ns is None else facts.period.until_ns


def is_stated(facts: Facts) -> bool:
    """Tell whether it is known how many connections there were, LLM-related or not."""
    seen = facts.seen
    return seen.known and (bool(seen.connections.flows) or not facts.related.flows)


def is_inventory(facts: Facts) -> bool:
    """Tell whether nobody judged: findings without their decisions are from somebody who did."""
    return facts.outcomes is None and not facts.findings


def none_related(facts: Facts) -> str:
    """Return what to say where no LLM-related connection was read."""
    if facts.findings:
        return f"No connection to an LLM provider was read; the findings tell of some ({facts.seen.says})."
    return f"No connection to an LLM provider of the catalogue was seen ({facts.seen.says})."


def none_outside(facts: Facts) -> str:
    """Return what to say where no connection that was read is outside policy, without a full stop."""
    findings = [each.finding for each in facts.findings if each.finding.kind == "violation"]
    outside = sum(touches(facts.period, each.first_ns, each.last_ns) for each in findings)
    if outside:
        tells = "tells" if outside == 1 else "tell"
        said = (
            f"no connection that was read is outside policy, and {plural(outside, 'finding')} {tells} of such"
        )
        return f"{said} ({facts.seen.says})"
    if any(each.erased for each in facts.inputs):
        return f"none of the connections that retention left is outside policy ({facts.seen.says})"
    return f"no out-of-policy flow was observed by {observers(facts)} ({facts.seen.says})"


def sentence(text: str) -> str:
    """Return a text with a capital at its beginning."""
    return f"{text[:1].upper()}{text[1:]}"


def observers(facts: Facts) -> str:
    """Return who looked, as a sentence names it: sensors, or replays of what some sensor captured."""
    names = list(dict.fromkeys(each.name for each in facts.seen.sensors))
    if not names:
        return "these inputs"
    were_there = {each.watched_ns is not None for each in facts.seen.sensors}
    if len(were_there) > 1:
        return f"sensors and replays {_some(names)}"
    who = "sensor" if were_there == {True} else "replay"
    return f"{who if len(names) == 1 else f'{who}s'} {_some(names)}"


def _statements(facts: Facts) -> Iterator[Statement]:
    yield Statement(_seen(facts))
    if not facts.related.flows:
        yield Statement(none_related(facts))
    if facts.outcomes is not None:
        yield from _judged(facts)
    elif is_inventory(facts):
        yield from _inventory(facts)
    yield from _erased(facts)
    yield from _followed(facts)
    if not facts.seen.complete:
        yield Statement(
            "Not everything could be looked at: what is said here holds for what was read, and the section on"
            " coverage says what is missing."
        )
    yield Statement(ENDED_NOT_RAN)


def _seen(facts: Facts) -> str:
    seen = facts.seen
    related = plural(facts.related.flows, "connection")
    reached = f"{related} {_be(facts.related.flows)} to an LLM provider, or possibly to one"
    if not seen.connections.flows:
        follows = reached if facts.related.flows else "nothing follows about what was or was not reached"
        return f"{sentence(seen.says)}; {follows}."
    named = percent(seen.named.flows, seen.connections.flows)
    return f"{_were(seen.connections.flows)} seen, and {named} of them could be named; {reached}."


def _inventory(facts: Facts) -> Iterator[Statement]:
    providers = {row.key.provider for row in facts.destinations if row.key.provider is not None}
    said = (
        f" Reached: {plural(len(providers), 'provider')} ({_some(sorted(providers))})." if providers else ""
    )
    yield Statement(
        f"No policy was given: this is an inventory, and nothing in it is judged.{said}", "inventory"
    )


def _judged(facts: Facts) -> Iterator[Statement]:
    outcomes = facts.outcomes or {}
    for judgement in JUDGEMENTS:
        flows = outcomes[judgement].flows if judgement in outcomes else 0
        if judgement == "violation":
            yield Statement(_violation(facts, flows), "violation" if flows else None)
        elif flows and judgement != "inventory":
            yield Statement(_ABOUT[judgement].format(_were(flows)), judgement)
    unjudged = facts.related.flows - sum(count.flows for count in outcomes.values())
    if unjudged > 0:
        yield Statement(f"{_were(unjudged)} not judged by any policy.", "inventory")


_ABOUT: dict[Judgement, str] = {
    "indeterminate": "{} not decided: the evidence leaves open whether policy allows it.",
    "unassigned": "{} opened by clients that no source group owns; no rule was applied to that.",
    "excepted": "{} outside a rule and under an exception in force.",
    "allow": "{} within policy, as far as the evidence goes.",
}


def _violation(facts: Facts, flows: int) -> str:
    if not flows:
        return f"{sentence(none_outside(facts))}."
    rows = [row for row in facts.destinations if row.key.outcome == "violation"]
    if not rows:
        return f"{_were(flows)} outside policy."
    least = "" if sum(row.count.flows for row in rows) == flows else "at least "
    groups = {(row.key.tenant, row.key.source_group) for row in rows}
    whose = f"{least}{plural(len(groups), 'source group')}"
    return f"{plural(flows, 'connection')} of {whose} {_be(flows)} outside policy{_rules(rows)}."


def _rules(rows: list[Destination]) -> str:
    """Return the rules, that of most connections first."""
    flows: dict[str, int] = {}
    for row in rows:
        if row.key.rule is not None:
            flows[row.key.rule] = flows.get(row.key.rule, 0) + row.count.flows
    return f" ({_some(sorted(flows, key=lambda rule: (-flows[rule], rule)))})" if flows else ""


def _erased(facts: Facts) -> Iterator[Statement]:
    erased = sum(sum(each.erased.values()) for each in facts.inputs)
    outside = sum(each.erased.get("violation", 0) for each in facts.inputs)
    if erased:
        of_them = f", {outside:,} of them outside policy" if outside else ""
        said = f"Retention erased {plural(erased, 'decision')} of these inputs{of_them}"
        yield Statement(f"{said}: no figure here counts them.", "violation" if outside else None)


def _followed(facts: Facts) -> Iterator[Statement]:
    """Yield what became of it: findings, their deadlines, behaviours."""
    standing = [each.finding for each in facts.findings if each.finding.state not in {"cured", "excepted"}]
    at_ns = ended_ns(facts)
    if facts.findings:
        more = facts.left_out.get("findings", 0)
        said = f"{plural(len(facts.findings) + more, 'finding')}, {len(standing):,}"
        of_them = f"of the {len(facts.findings):,} listed" if more else "of them"
        late = sum(each.deadline_ns < at_ns for each in standing) if at_ns is not None else 0
        yield Statement(f"{said} {of_them} not closed.{_late(late, at_ns)}")
    kinds: dict[str, int] = {}
    for behaviour in facts.behaviours:
        kinds[behaviour.kind] = kinds.get(behaviour.kind, 0) + 1
    if kinds:
        counted = listed([f"{count:,} {kind}" for kind, count in kinds.items()])
        yield Statement(f"Behaviours across connections: {counted}.")


def _late(count: int, at_ns: int | None) -> str:
    if not count or at_ns is None:
        return ""
    return f" The deadline of {count:,} had passed by {moment(at_ns)} UTC."


def _were(flows: int) -> str:
    return f"{plural(flows, 'connection')} {_be(flows)}"


def _be(flows: int) -> str:
    return "was" if flows == 1 else "were"


def _some(names: list[str]) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - MAX_LISTED
    return listed(names) if more <= 0 else f"{', '.join(names[:MAX_LISTED])} and {more:,} more"
