"""Turns the `concealing:` list of a catalogue file into concealers, one a host, pattern or prefix. Pure.

They stand beside the endpoints and never among them: no attribution comes from one.
"""

from collections.abc import Iterator, Mapping, Sequence

from monitor import documents
from monitor.catalog.endpoints import CatalogFile, Concealer, ConcealerEntry, Entry
from monitor.catalog.expand import MAX_ENDPOINTS, MAX_REMARKS, Place, Remark
from monitor.catalog.hostmatch import MAX_PATTERNS, NameIndex
from monitor.catalog.matches import MistakeError, read_host, read_prefix


def expand_concealers(
    source: documents.Source, file: CatalogFile, *, by_user: bool
) -> tuple[list[Concealer], list[Remark]]:
    """The concealers of a file, in its order, and what is wrong with the entries that cannot be used.

    Stops after MAX_REMARKS of these.
    """
    found: dict[str, Concealer] = {}
    places: dict[str, Place] = {}
    remarks: list[Remark] = []
    for index, entry in enumerate(file.concealing):
        place = Place(source, ("concealing", index))
        try:
            for each in _concealers(entry, file.defaults, source.path, by_user=by_user):
                _check_room(each, found)
                found[each.match] = each
                places[each.match] = place
        except MistakeError as mistake:
            path = (*place.path, mistake.key)
            remarks.append(Remark(Place(source, path), mistake.problem, mistake.mend))
            if len(remarks) >= MAX_REMARKS:
                break
    remarks += _crowds(found, places)
    return list(found.values()), remarks


def names_of(concealers: Sequence[Concealer]) -> NameIndex[Concealer]:
    """The concealers that are names or patterns."""
    index: NameIndex[Concealer] = NameIndex()
    for each in concealers:
        if "/" not in each.match:
            index.add(each.match, each)
    index.seal()
    return index


def _concealers(
    entry: ConcealerEntry, defaults: Entry, declared_in: str, *, by_user: bool
) -> Iterator[Concealer]:
    source, date = entry.source or defaults.source, entry.date or defaults.date
    if source is None or date is None:
        key = "source" if source is None else "date"
        raise MistakeError(key, f"an entry without {key}", f"add `{key}:` to it or to `defaults:`")
    matches = [*map(read_host, _listed(entry.host)), *map(read_prefix, _listed(entry.cidr))]
    if not matches:
        raise MistakeError("host", "an entry that fits nothing", "write `host:`, `cidr:` or both")
    for match in matches:
        yield Concealer(
            match=match,
            kind=entry.kind,
            service=entry.service,
            source=source,
            date=date,
            verified=entry.verified or defaults.verified or "full",
            note=entry.note or defaults.note,
            declared_in=declared_in.rpartition("/")[2],
            declared_by_user=by_user,
        )


def _listed(text: str | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else text


def _check_room(concealer: Concealer, found: Mapping[str, Concealer]) -> None:
    key = "cidr" if "/" in concealer.match else "host"
    if concealer.match in found:
        raise MistakeError(key, f"{concealer.match} stands twice", "keep one of them")
    if len(found) >= MAX_ENDPOINTS:
        raise MistakeError(key, f"more than {MAX_ENDPOINTS} names and prefixes", "use patterns")


def _crowds(found: Mapping[str, Concealer], places: Mapping[str, Place]) -> Iterator[Remark]:
    """Patterns that are too many to be asked."""
    for pattern in names_of(list(found.values())).crowds():
        problem = f"more than {MAX_PATTERNS} patterns end in .{pattern.suffix}"
        yield Remark(places[pattern.text], problem, "use fewer, wider ones")
