"""Arranges what was read as the facts of a report, within the bounds of what is shown. Pure."""

from collections.abc import Iterator

from msgspec.structs import replace

from monitor.behaviours import rank
from monitor.report.material import Material
from monitor.report.people import few_clients, few_counted, withheld
from monitor.report.types import Facts, People, PolicyText
from monitor.summary import LIMITS

MAX_DESTINATIONS = 2_000  # rows that are shown
MAX_BEHAVIOURS = 500
TITLE = "Egress to LLM providers"
OTHER_TENANTS = "The text of policy {} names other tenants, or cannot be read, and is left out."
CHANGED = (
    "Addresses of clients are taken out of the text of policy {}: it no longer has the SHA-256 that is named."
)


def arranged(material: Material, title: str | None, people: People, tool: str) -> Facts:
    """Return the facts."""
    gathering, tenant = material.gathering, material.tenant
    versions = material.versions()
    rows = few_clients(gathering.tally.destinations(), people.least_clients)
    seen = material.seeing.seen()
    texts = material.policies.texts(versions, tenant)
    found = material.found.found(gathering.references)
    judged = gathering.judged or bool(versions)
    facts = Facts(
        title=title or (TITLE if tenant is None else f"{TITLE}: {tenant}"),
        tenant=tenant,
        period=material.period,
        seen_period=gathering.seen_period(),
        inputs=tuple(material.inputs),
        loaded=tuple(material.loaded),
        policies=texts,
        seen=replace(seen, cautions=(*seen.cautions, *_hidden(texts))),
        related=gathering.tally.related,
        outcomes=gathering.tally.outcomes if judged else None,
        destinations=rows[:MAX_DESTINATIONS],
        timeline=gathering.timeline.timeline(),
        findings=tuple(few_counted(each, people.least_clients) for each in found),
        exceptions=gathering.exceptions.used(material.policies.exemptions(versions), people.least_clients),
        behaviours=tuple(sorted(material.behaviours, key=rank)[:MAX_BEHAVIOURS]),
        people=people,
        limits=(*LIMITS, *material.limits),
        tool=tool,
    )
    return _of_people(replace(facts, left_out=_left_out(material, len(rows))), gathering.clients)


def _of_people(facts: Facts, clients: set[str]) -> Facts:
    """Withhold clients, and say which policies are not as they were."""
    shown = withheld(facts, clients)
    changed = [
        CHANGED.format(after.version)
        for before, after in zip(facts.policies, shown.policies, strict=True)
        if before.text != after.text
    ]
    return replace(shown, seen=replace(shown.seen, cautions=(*shown.seen.cautions, *changed)))


def _hidden(texts: tuple[PolicyText, ...]) -> Iterator[str]:
    """Yield a sentence for each text that is known and not shown."""
    for each in texts:
        if each.sha256 is not None and each.text is None:
            yield OTHER_TENANTS.format(each.version)


def _left_out(material: Material, rows: int) -> dict[str, int]:
    """Return what bounds cut, by what it is; without zeros."""
    gathering = material.gathering
    counts = material.left_out + material.seeing.left_out + material.seeing.watched.left_out
    counts["destinations"] += max(rows - MAX_DESTINATIONS, 0)
    counts["behaviours"] += max(len(material.behaviours) - MAX_BEHAVIOURS, 0)
    counts["folded-destinations"] += gathering.tally.folded_destinations
    counts["references"] += gathering.references.left_out
    counts["exceptions"] += gathering.exceptions.left_out
    counts["findings"] += material.found.left_out
    counts["steps"] += material.found.more_steps
    counts["policies"] += material.policies.left_out
    return dict(sorted((+counts).items()))
