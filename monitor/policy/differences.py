"""What differs between two policies, item by item and key by key. Pure.

What counts is what a policy says: the order of rules and exceptions decides, and is compared; in what order
names, networks and items of other lists stand does not count.
"""

import datetime as dt
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from monitor.policy.findings_section import FindingsSection
from monitor.policy.schema import PolicyDocument
from monitor.policy.section import BehaviourSection

Kind = Literal[
    "policy", "rule", "exception", "source group", "tenant", "jurisdiction", "data class", "service",
    "behaviour", "findings", "reminder", "test",
]  # fmt: skip
_HEAD = "id", "name", "owner", "issued", "description", "default", "resolvers"
_BEHAVIOURS = "dual_exposure", "relay", "consoles", "latency"
_NOTHING = None, "", (), dt.date.min
_KEYS = frozenset({"id", "name", "groups"})  # an item's own name, and what is compared apart


class KeyChange(msgspec.Struct, frozen=True):
    """A key with another value; null where it was not, or is no longer, there. ``when.`` leads selectors."""

    key: str
    old: Any
    new: Any


class PolicyChange(msgspec.Struct, frozen=True):
    """One item that is not the same.

    ``keys`` are those that differ; of an item that was added or removed all that it holds. "moved" is one
    of rules or exceptions that others now come before, or after; ``after`` is whom it follows.
    """

    change: Literal["added", "removed", "changed", "moved"]
    kind: Kind
    item: str
    keys: tuple[KeyChange, ...] = ()
    after: str | None = None


def policy_differences(old: PolicyDocument, new: PolicyDocument) -> Iterator[PolicyChange]:
    """Every difference: what decides first, the policy's own tests last."""
    yield from _compared("policy", {"": _head(old)}, {"": _head(new)})
    for kind, before, after in (
        ("rule", old.rules, new.rules),
        ("exception", old.exceptions, new.exceptions),
    ):
        yield from _compared(kind, _items(before, "id"), _items(after, "id"))
        yield from _moved(kind, [each.id for each in before], [each.id for each in after])
    yield from _compared("source group", _groups(old), _groups(new))
    yield from _compared("tenant", _items(old.tenants, "name"), _items(new.tenants, "name"))
    yield from _compared("jurisdiction", _items(old.jurisdictions, "name"), _items(new.jurisdictions, "name"))
    yield from _compared("data class", _items(old.data_classes, "name"), _items(new.data_classes, "name"))
    yield from _compared("service", _items(old.services, "name"), _items(new.services, "name"))
    yield from _compared("behaviour", _behaviours(old.behaviours), _behaviours(new.behaviours))
    yield from _compared("findings", _findings(old.findings), _findings(new.findings))
    yield from _compared("reminder", _reminders(old.findings), _reminders(new.findings))
    yield from _compared("test", _items(old.tests, "name"), _items(new.tests, "name"))


_Flat = dict[str, Any]


def _compared(kind: Any, old: Mapping[str, _Flat], new: Mapping[str, _Flat]) -> Iterator[PolicyChange]:
    """Yield what was removed, changed and added, in the order of the old policy and then of the new."""
    for item, before in old.items():
        after = new.get(item)
        if after is None:
            yield PolicyChange("removed", kind, item, _keys(before, {}))
        elif keys := _keys(before, after):
            yield PolicyChange("changed", kind, item, keys)
    for item, after in new.items():
        if item not in old:
            yield PolicyChange("added", kind, item, _keys({}, after))


def _keys(before: _Flat, after: _Flat) -> tuple[KeyChange, ...]:
    names = dict.fromkeys((*before, *after))
    return tuple(
        KeyChange(name, before.get(name), after.get(name))
        for name in names
        if _comparable(before.get(name)) != _comparable(after.get(name))
    )


def _comparable(value: Any) -> Any:
    return frozenset(value) if isinstance(value, tuple) else value


def _moved(kind: Any, old: Sequence[str], new: Sequence[str]) -> Iterator[PolicyChange]:
    """Yield the fewest items by whose moving the common ones come into their new order."""
    place = {item: at for at, item in enumerate(old)}
    common = [item for item in new if item in place]
    staying = _longest_rising([place[item] for item in common])
    for at, item in enumerate(new):
        if item in place and place[item] not in staying:
            yield PolicyChange("moved", kind, item, after=new[at - 1] if at else None)


def _longest_rising(places: Sequence[int]) -> frozenset[int]:
    """Return the members of one longest rising subsequence of different numbers."""
    tails: list[int] = []  # the lowest end of a rising sequence, by its length
    before: dict[int, int | None] = {}
    for place in places:
        at = bisect_left(tails, place)
        before[place] = tails[at - 1] if at else None
        tails[at : at + 1] = [place]
    found = set()
    place_or_none = tails[-1] if tails else None
    while place_or_none is not None:
        found.add(place_or_none)
        place_or_none = before[place_or_none]
    return frozenset(found)


def _head(document: PolicyDocument) -> _Flat:
    return {key: getattr(document, key) for key in _HEAD}


def _groups(document: PolicyDocument) -> dict[str, _Flat]:
    return {
        f"{tenant.name}/{group.name}": _flat(group) for tenant in document.tenants for group in tenant.groups
    }


def _behaviours(section: BehaviourSection | None) -> dict[str, _Flat]:
    if section is None:
        return {}
    found = {name: _flat(asked) for name in _BEHAVIOURS if (asked := getattr(section, name)) is not None}
    found |= {f"gateway {each.name}": _flat(each) for each in section.gateways}
    return found | {f"upload limit of {each.data_class}": _flat(each) for each in section.upload_limits}


def _findings(section: FindingsSection | None) -> dict[str, _Flat]:
    """Return what holds for all findings; what no policy says is as if the default was written."""
    found = _flat(section or FindingsSection())
    found.pop("reminders", None)
    return {"": found}


def _reminders(section: FindingsSection | None) -> dict[str, _Flat]:
    return _items(section.reminders, "name") if section is not None else {}


def _items(items: Iterable[msgspec.Struct], name: str) -> dict[str, _Flat]:
    return {getattr(item, name): _flat(item) for item in items}


def _flat(item: msgspec.Struct, prefix: str = "") -> _Flat:
    """Return what an item holds, by key; keys without a value, and its name, are left out."""
    found: _Flat = {}
    for field in msgspec.structs.fields(item):
        value = getattr(item, field.name)
        if isinstance(value, msgspec.Struct):
            found |= _flat(value, f"{prefix}{field.encode_name}.")
        elif value not in _NOTHING and (prefix or field.encode_name not in _KEYS):
            found[f"{prefix}{field.encode_name}"] = value
    return found
