"""Keeps the people who are watched out of a report. Pure.

Addresses of clients, or the pseudonyms in their place, are withheld: where they stand as clients, and
wherever a sentence, a name or a policy says one. Rows of few clients are merged, but never those outside
policy or undecided: to find these is the purpose of the watch. How few there were is withheld in all.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec
from msgspec.structs import replace

from monitor.behaviours import Behaviour
from monitor.findings.types import Finding
from monitor.pseudonyms import clients_of, flow_without
from monitor.report.cleaning import Cleaner
from monitor.report.identifiers import numbered
from monitor.report.types import Facts, Found
from monitor.tally import Destination, DestinationKey, rank
from monitor.types import Outcome
from sensors.observations import FlowKey

FEW = "(few clients)"  # in place of the source group
NEVER_MERGED: frozenset[Outcome | None] = frozenset({"violation", "indeterminate"})
_NOWHERE = FlowKey("", 0, "", 0, "tcp")
_TESTED = re.compile(r"\bclient[\"']?[ \t]*:[ \t]*[\"']?([0-9a-fA-F.:]+)")  # as tests in a policy say it
_CLIENTS = re.compile(r"\bfrom ([0-9][0-9,]{,20}) clients?\b")  # as steps of findings say it


def few_clients(rows: Sequence[Destination], least_clients: int) -> tuple[Destination, ...]:
    """Merge rows of fewer clients than that over their tenant's source groups; the order stays.

    A merged row (`is_merged`) says what was reached, and neither by which group nor at which server; nor by
    which rule, since a rule may be for one group. A row's number of clients is 0 where it is below the least,
    and in a merged row, whose rows may share clients.
    """
    kept: list[Destination] = []
    merged: dict[DestinationKey, Destination] = {}
    for row in rows:
        if row.more_clients or row.clients >= least_clients:
            kept.append(row)
        elif row.key.outcome in NEVER_MERGED:
            kept.append(replace(row, clients=0))
        else:
            _merge(merged, row, least_clients)
    return tuple(sorted([*kept, *merged.values()], key=rank))


def is_merged(row: Destination) -> bool:
    """Tell whether a row stands for several, of few clients each."""
    return row.flow == _NOWHERE


def withheld(facts: Facts, clients: AbstractSet[str] = frozenset()) -> Facts:
    """Return the facts without addresses of clients, unless they are asked for.

    Withheld are those of all connections that the facts name, and ``clients``; and those that a policy tests
    with, all of them, since a gap at some alone would tell which were seen.
    """
    if facts.people.addresses:
        return facts
    tested = (address for each in facts.policies for address in _TESTED.findall(each.text or ""))
    cleaner = Cleaner({*clients, *_clients_in(facts), *tested})
    cleaned: Facts = _cleaned(numbered(facts), cleaner.clean)
    return cleaned


def few_counted(found: Found, least_clients: int) -> Found:
    """Return a finding that does not say how many clients it has, where they are fewer than that."""

    def said(number: re.Match[str]) -> str:
        is_few = int(number[1].replace(",", "")) < least_clients
        return f"from fewer than {least_clients} clients" if is_few else number[0]

    finding = found.finding
    if finding.client_count < least_clients and not finding.clients_capped:
        finding = replace(finding, client_count=0)
    steps = tuple(replace(step, why=_CLIENTS.sub(said, step.why)) for step in found.steps)
    return replace(found, finding=finding, steps=steps)


def _merge(merged: dict[DestinationKey, Destination], row: Destination, least_clients: int) -> None:
    key = row.key
    if key.source_group is not None:
        key = replace(key, source_group=FEW, rule=None, severity=None)
    into = merged.get(key)
    if into is None:
        said = (f"rows of fewer than {least_clients} clients",)
        into = merged[key] = Destination(key, row.first_ns, row.last_ns, _NOWHERE, None, (), (), said)
    into.first_ns, into.last_ns = min(into.first_ns, row.first_ns), max(into.last_ns, row.last_ns)
    into.count.include(row.count)


def _clients_in(value: object) -> Iterator[str]:
    """Yield the clients that a value names as such."""
    if isinstance(value, msgspec.Struct):
        if isinstance(value, FlowKey):
            yield from clients_of(value)
        elif isinstance(value, Finding):
            yield from value.clients
        elif isinstance(value, Behaviour) and value.source is not None:
            yield value.source
        for field in value.__struct_fields__:
            yield from _clients_in(getattr(value, field))
    elif isinstance(value, tuple):
        for each in value:
            yield from _clients_in(each)


def _cleaned(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, tuple):
        return tuple([_cleaned(each, clean) for each in value])
    if not isinstance(value, msgspec.Struct):
        return value
    found = {field: _cleaned(getattr(value, field), clean) for field in value.__struct_fields__}
    return replace(value, **{**found, **_blanks(value, clean)})


def _blanks(value: msgspec.Struct, clean: Callable[[str], str]) -> dict[str, object]:
    """Return the fields that name a client, empty."""
    if isinstance(value, FlowKey):
        tunnel = flow_without(value, dict.fromkeys(clients_of(value), "")).tunnel
        return {"client": "", "client_port": 0, "tunnel": clean(tunnel) if tunnel is not None else None}
    if isinstance(value, Finding):
        return {"clients": ()}
    if isinstance(value, Behaviour) and value.source is not None:
        return {"source": ""}
    return {}
