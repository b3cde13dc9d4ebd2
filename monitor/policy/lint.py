"""Warnings: what a policy says without effect. A rule that no flow can reach, a name that nothing uses.

Such a policy can be applied, but its owner probably means something else than it says.
"""

from collections.abc import Iterator, Sequence

from monitor.policy.remarks import Remark
from monitor.policy.schema import PolicyDocument
from monitor.policy.section import BehaviourSection
from monitor.policy.selection import Selector, owns
from monitor.types import Subject

_NO_GROUP = "see whether tenants, source_groups and data_classes fit together"


def check_effect(
    document: PolicyDocument, selectors: Sequence[Selector], subjects: frozenset[Subject]
) -> Iterator[Remark]:
    """Rules that never apply, and jurisdictions, data classes and services that nothing names.

    ``selectors`` are those of the rules, in order; ``subjects`` are all that own an address.
    """
    yield from _unreachable(document, selectors, subjects)
    for at, exemption in enumerate(document.exceptions):
        if not any(owns(exemption.when, subject) for subject in subjects):
            yield _warning(
                ("exceptions", at), f"exception {exemption.id!r} selects no source group", _NO_GROUP
            )
    yield from _unused(document)


def _unreachable(
    document: PolicyDocument, selectors: Sequence[Selector], subjects: frozenset[Subject]
) -> Iterator[Remark]:
    for at, (rule, selector) in enumerate(zip(document.rules, selectors, strict=True)):
        if not any(map(selector.owns, subjects)):
            yield _warning(("rules", at), f"rule {rule.id!r} selects no source group", _NO_GROUP)
            continue
        for earlier in range(at):
            if selectors[earlier].covers(selector, subjects, document.issued):
                first = document.rules[earlier].id
                problem = f"rule {rule.id!r} is never reached: {first!r} selects all of its flows first"
                yield _warning(("rules", at), problem, f"put it before {first!r}, or remove it")
                break


def _unused(document: PolicyDocument) -> Iterator[Remark]:
    groups = [group for tenant in document.tenants for group in tenant.groups]
    whens = [*(rule.when for rule in document.rules), *(each.when for each in document.exceptions)]
    places = {word for rule in document.rules for word in rule.allow_in or ()}
    places |= {word for when in whens for word in when.jurisdictions or ()}
    section = document.behaviours or BehaviourSection()
    places |= set(section.latency.sovereign) if section.latency else set()
    classes = {group.data_class for group in groups}
    sources = {source for group in groups for source in group.sources}
    sources |= {source for gateway in section.gateways for source in gateway.addresses}
    for at, own in enumerate(document.jurisdictions):
        if own.name not in places:
            yield _warning(("jurisdictions", at), f"jurisdiction {own.name!r} is not used", "remove it")
    for at, data_class in enumerate(document.data_classes):
        if data_class.name not in classes:
            problem = f"data class {data_class.name!r} is handled by no source group"
            yield _warning(("data_classes", at), problem, "give it to a group, or remove it")
    for at, service in enumerate(document.services):
        if service.name not in sources:
            problem = f"service {service.name!r} is not used"
            yield _warning(("services", at), problem, "name it among the `sources:` of a group, or remove it")


def _warning(path: tuple[str | int, ...], problem: str, mend: str) -> Remark:
    return Remark(path, problem, mend, "warning")
