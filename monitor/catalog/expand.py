"""Turns a catalogue file's dense entries into endpoints, one a host, pattern or prefix, and checks them.

An entry says what differs from its file's defaults; a template holds for many regions. What comes out is
complete in itself. An entry with a mistake gives a problem instead, with its line and what to write.
"""

import difflib
import itertools
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from monitor import documents
from monitor.catalog.endpoints import CatalogFile, Endpoint, Entry, Provider
from monitor.catalog.matches import MistakeError, read_host, read_prefix
from monitor.catalog.regions import Regions
from monitor.jurisdictions import Jurisdictions

MAX_ENDPOINTS = 50_000  # of one file; the built-in ones make about 2,600 in all
MAX_LISTS = 100  # region lists of one file
MAX_CODES = 10_000  # of one of them
MAX_REMARKS = 100  # of one file; nobody reads more
REGION = "{region}"


class Tables(msgspec.Struct, frozen=True):
    """What entries may refer to."""

    providers: Mapping[str, Provider]
    regions: Regions
    jurisdictions: Jurisdictions


class Place(msgspec.Struct, frozen=True):
    """A place in a document, whose line is looked up only when something is wrong there."""

    source: documents.Source
    path: tuple[str | int, ...]


class Remark(msgspec.Struct, frozen=True):
    """Something wrong with what a document declares."""

    place: Place
    problem: str
    mend: str


class Declared(msgspec.Struct, frozen=True):
    """An endpoint and the place of the entry that declares it."""

    endpoint: Endpoint
    place: Place


class _Target(msgspec.Struct, frozen=True):
    """One host or prefix of an entry; the region and country are those of its template, if it has one."""

    match: str
    region: str | None = None
    country: str | None = None


def expand(
    source: documents.Source, file: CatalogFile, tables: Tables, *, by_user: bool
) -> tuple[list[Declared], list[Remark]]:
    """The endpoints of a file, in its order, and what is wrong with the entries that cannot be used.

    Stops after MAX_REMARKS of these.
    """
    declared: list[Declared] = []
    remarks: list[Remark] = []
    lists: dict[str, tuple[str, ...]] = {}
    for name, text in itertools.islice(file.region_lists.items(), MAX_LISTS):
        lists[name] = _codes(text, lists)
    if len(file.region_lists) > MAX_LISTS:
        place = Place(source, ("region_lists",))
        remarks.append(Remark(place, f"more than {MAX_LISTS} region lists", "merge some of them"))
    for index, entry in enumerate(file.endpoints):
        place = Place(source, ("endpoints", index))
        try:
            whole = _with_defaults(entry, file.defaults)
            _check(whole, tables)
            endpoints = [
                _endpoint(whole, target, tables, source.path, by_user=by_user)
                for target in _at_most(MAX_ENDPOINTS - len(declared), _targets(whole, lists))
            ]
            _check_endpoints(whole, endpoints, by_user=by_user)
            declared += [Declared(endpoint, place) for endpoint in endpoints]
        except MistakeError as mistake:
            path = (*place.path, mistake.key)
            remarks.append(Remark(Place(source, path), mistake.problem, mistake.mend))
            if len(remarks) >= MAX_REMARKS:
                break
    return declared, remarks


def closest(word: str, known: Sequence[str], otherwise: str) -> str:
    """What to write instead of a word that is not known."""
    close = difflib.get_close_matches(word, known, 1)
    return f"did you mean {close[0]!r}?" if close else otherwise


def _with_defaults(entry: Entry, defaults: Entry) -> Entry:
    values = [
        default if value is None else value
        for value, default in zip(
            msgspec.structs.astuple(entry), msgspec.structs.astuple(defaults), strict=True
        )
    ]
    return Entry(*values)


def _check(entry: Entry, tables: Tables) -> None:
    if (entry.host is None) == (entry.cidr is None):
        raise MistakeError("host", "an entry names either hosts or prefixes", "write `host:` or `cidr:`")
    if entry.source is None or entry.date is None:
        key = "source" if entry.source is None else "date"
        raise MistakeError(key, f"an entry without {key}", f"add `{key}:` to it or to `defaults:`")
    if entry.possible and entry.not_llm:
        raise MistakeError("possible", "possible and not_llm exclude each other", "remove one of them")
    if entry.role == "ech-outer" and entry.cidr is not None:
        raise MistakeError("role", "an outer name is a name", "write `host:` instead of `cidr:`")
    if entry.provider is None and not entry.not_llm and entry.role != "ech-outer":
        raise MistakeError("provider", "an entry without provider", "add `provider:` to it or to `defaults:`")
    for key, provider in (("provider", entry.provider), *(("behind", name) for name in entry.behind or ())):
        if provider is not None and provider not in tables.providers:
            mend = closest(provider, tuple(tables.providers), "declare it under `providers:`")
            raise MistakeError(key, f"unknown provider {provider!r}", mend)


def _check_endpoints(entry: Entry, endpoints: Sequence[Endpoint], *, by_user: bool) -> None:
    """Refuse an entry that declares nothing, or that pins processing to no place."""
    if not endpoints:
        key = "host" if entry.cidr is None else "cidr"
        raise MistakeError(key, "an entry that fits nothing", "write at least one, or remove the entry")
    if by_user and any(each.scope == "region" and not each.countries for each in endpoints):
        mend = "add `region:` or `countries:`, or leave `scope:` out"
        raise MistakeError("scope", "scope is region, but no place is named", mend)


def _targets(entry: Entry, lists: Mapping[str, tuple[str, ...]]) -> Iterator[_Target]:
    if entry.cidr is not None:
        for prefix in (entry.cidr,) if isinstance(entry.cidr, str) else entry.cidr:
            yield _Target(read_prefix(prefix))
        return
    if isinstance(entry.host, dict):
        if entry.regions is not None:
            raise MistakeError("regions", "the hosts name their regions already", "remove `regions:`")
        for text, template in entry.host.items():
            yield from _hosts(template, dict.fromkeys(_codes(text, lists)))
        return
    regions: Mapping[str, str | None] | None = None
    if isinstance(entry.regions, str):
        regions = dict.fromkeys(_codes(entry.regions, lists))
    elif entry.regions is not None:
        regions = entry.regions
    for template in (entry.host,) if isinstance(entry.host, str) else entry.host or ():
        yield from _hosts(template, regions)


def _at_most(room: int, targets: Iterator[_Target]) -> Iterator[_Target]:
    for count, target in enumerate(targets):
        if count >= room:
            raise MistakeError("host", f"more than {MAX_ENDPOINTS} endpoints", "use patterns")
        yield target


def _codes(text: str, lists: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    words = dict.fromkeys(text.split())
    codes = (code for word in words for code in lists.get(word, (word,)))
    return tuple(itertools.islice(dict.fromkeys(codes), MAX_CODES))


def _hosts(template: str, regions: Mapping[str, str | None] | None) -> Iterator[_Target]:
    if (REGION in template) != (regions is not None):
        mend = f"use {REGION} in the host together with `regions:`, or neither"
        raise MistakeError("host", f"host {template!r} and its regions do not go together", mend)
    if regions is None:
        yield _Target(read_host(template))
        return
    for code, country in regions.items():
        yield _Target(read_host(template.replace(REGION, code)), code, country)


def _endpoint(entry: Entry, target: _Target, tables: Tables, declared_in: str, *, by_user: bool) -> Endpoint:
    if entry.source is None or entry.date is None:  # _check has seen to it
        raise AssertionError(entry)
    vendor = entry.vendor or entry.provider or ""
    code = target.region or entry.region
    scope = entry.scope or "unknown"
    return Endpoint(
        match=target.match,
        provider=entry.provider,
        service=entry.service,
        scope=scope,
        region=entry.region if scope == "global" else code,
        vendor=vendor if (vendor, code) in tables.regions else None,
        countries=_countries(entry, target, vendor, tables),
        possible=bool(entry.possible),
        not_llm=bool(entry.not_llm),
        cname_only=bool(entry.cname_only),
        address=entry.address or ("unicast" if by_user else "unknown"),
        role=entry.role or "api",
        behind=entry.behind or (),
        voice=entry.role == "media" if entry.voice is None else entry.voice,
        source=entry.source,
        date=entry.date,
        verified=entry.verified or "full",
        note=entry.note.replace(REGION, target.region) if entry.note and target.region else entry.note,
        declared_in=declared_in.rpartition("/")[2],  # where the file lies is the machine's affair
        declared_by_user=by_user,
    )


def _countries(entry: Entry, target: _Target, vendor: str, tables: Tables) -> tuple[str, ...]:
    code = target.region or entry.region
    region = tables.regions.get((vendor, code)) if code else None
    if entry.scope == "global":
        if entry.countries:
            raise MistakeError("countries", "a global endpoint is in no country", "remove `countries:`")
        if target.region is not None and region is None:
            raise _unknown_region(vendor, target.region, tables)
        return ()
    declared = (target.country,) if target.country else entry.countries
    if declared is not None:
        countries = _members(declared, "regions" if target.country else "countries", tables.jurisdictions)
        if region is not None and region.country not in countries:
            problem = f"region {vendor} {code} is in {region.country}"
            raise MistakeError("countries", problem, "correct the region or its countries")
        return countries
    if region is not None:
        return (region.country,)
    if code is not None:
        raise _unknown_region(vendor, code, tables)
    if entry.scope == "group":
        raise MistakeError("scope", "a group without countries", "add `countries:`, for example [EU]")
    return ()


def _members(codes: Sequence[str], key: str, jurisdictions: Jurisdictions) -> tuple[str, ...]:
    members: set[str] = set()
    for code in codes:
        try:
            members |= jurisdictions.members(code)
        except KeyError:
            mend = jurisdictions.mend(code)
            raise MistakeError(key, f"unknown country or jurisdiction {code!r}", mend) from None
    return tuple(sorted(members))


def _unknown_region(vendor: str, code: str, tables: Tables) -> MistakeError:
    codes = [known for owner, known in tables.regions if owner == vendor]
    mend = closest(code, codes, "correct the code, name its `vendor:`, or add `countries:`")
    return MistakeError("regions", f"unknown region {code!r} of {vendor or 'no vendor'}", mend)
