"""What differs between two catalogues, entry by entry and field by field. Pure.

What counts is what an entry says, not where it stands: files may be split, merged and put in another order.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from monitor.catalog.endpoints import Concealer, Endpoint, Provider, Region

Kind = Literal["provider", "region", "endpoint", "concealer"]
Entry = Provider | Region | Endpoint | Concealer
_WHERE = ("declared_in", "declared_by_user")


class Contents(msgspec.Struct, frozen=True):
    """What a catalogue declares. Of two entries with one key the first counts, as for an attribution."""

    providers: Sequence[Provider] = ()
    regions: Sequence[Region] = ()
    endpoints: Sequence[Endpoint] = ()
    concealers: Sequence[Concealer] = ()


class Change(msgspec.Struct, frozen=True):
    """One entry that is not the same. ``fields`` are those that differ, where it is in both."""

    change: Literal["added", "removed", "changed"]
    kind: Kind
    key: str
    fields: tuple[str, ...]
    old: Entry | None
    new: Entry | None


def differences(old: Contents, new: Contents) -> Iterator[Change]:
    """Every difference, ordered by kind and key."""
    yield from _compare("provider", old.providers, new.providers)
    yield from _compare("region", old.regions, new.regions)
    yield from _compare("endpoint", old.endpoints, new.endpoints)
    yield from _compare("concealer", old.concealers, new.concealers)


def _compare(kind: Kind, old: Iterable[Entry], new: Iterable[Entry]) -> Iterator[Change]:
    before, after = _by_key(old), _by_key(new)
    for key in sorted({**before, **after}):
        left, right = before.get(key), after.get(key)
        if left is None:
            yield Change("added", kind, key, (), left, right)
        elif right is None:
            yield Change("removed", kind, key, (), left, right)
        elif fields := _fields(left, right):
            yield Change("changed", kind, key, fields, left, right)


def _by_key(entries: Iterable[Entry]) -> Mapping[str, Entry]:
    found: dict[str, Entry] = {}
    for entry in entries:
        found.setdefault(_key(entry), entry)
    return found


def _key(entry: Entry) -> str:
    if isinstance(entry, Provider):
        return entry.id
    return f"{entry.vendor}:{entry.code}" if isinstance(entry, Region) else entry.match


def _fields(left: Entry, right: Entry) -> tuple[str, ...]:
    """The names of the fields that differ."""
    names = (name for name in left.__struct_fields__ if name not in _WHERE)
    return tuple(name for name in names if getattr(left, name) != getattr(right, name))
