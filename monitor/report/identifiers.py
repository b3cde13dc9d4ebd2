"""Identifiers that a client could be found from stand in a report as numbers. Pure.

That of a behaviour, which its finding keeps, is a hash over its client's address: whoever tries all addresses
finds it. Of a client that is a pseudonym it was made with a key, and tells nothing.
"""

import re
from collections.abc import Iterator
from typing import get_args

from msgspec.structs import replace

from monitor.behaviours.types import BehaviourKind
from monitor.pseudonyms import TEXT
from monitor.report.types import Facts

_PSEUDONYM = re.compile(rf"{TEXT}[0-9a-f]+")
_KINDS = frozenset(get_args(BehaviourKind))


def numbered(facts: Facts) -> Facts:
    """Return the facts with such identifiers by kind and number, a behaviour's and its finding's alike."""
    names: dict[str, str] = {}
    counts: dict[str, int] = {}
    for kind, id_ in _telling(facts):
        if id_ not in names:
            counts[kind] = counts.get(kind, 0) + 1
            names[id_] = f"{kind}-{counts[kind]}"
    return replace(
        facts,
        behaviours=tuple(replace(each, id=names.get(each.id, each.id)) for each in facts.behaviours),
        findings=tuple(
            replace(each, finding=replace(each.finding, id=names.get(each.finding.id, each.finding.id)))
            for each in facts.findings
        ),
    )


def _telling(facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield the kinds and identifiers of what has a client's address in its hash."""
    for behaviour in facts.behaviours:
        if behaviour.source is not None and not _PSEUDONYM.fullmatch(behaviour.source):
            yield behaviour.kind, behaviour.id
    for each in facts.findings:
        finding = each.finding
        if finding.kind in _KINDS and not all(map(_PSEUDONYM.fullmatch, finding.clients)):
            yield finding.kind, finding.id
