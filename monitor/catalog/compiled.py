"""The catalogue: which names and addresses belong to LLM providers, and what reaching them means.

Pure and immutable once compiled. The most specific entry wins, and what the user declared is asked first.
"""

import hashlib
import ipaddress
import itertools
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import msgspec

from monitor.catalog.concealers import expand_concealers
from monitor.catalog.endpoints import CatalogFile, Concealer, Endpoint, Provider, Region
from monitor.catalog.expand import MAX_REMARKS, Declared, Place, Remark, Tables, expand
from monitor.catalog.hostmatch import MAX_PATTERNS, AddressIndex, NameIndex, normal_name
from monitor.catalog.regions import read_regions
from monitor.catalog.shadows import shadows
from monitor.documents import DocumentError, Lines, Problem, Source, decode
from monitor.jurisdictions import Jurisdictions
from sensors.interest import Interest

Files = Sequence[tuple[Source, CatalogFile]]


class Catalog:
    """Compiled entries. ``version`` changes with every byte of the files it was compiled from.

    ``shadowed`` are warnings: the user's entries that stand before built-in ones. ``concealers`` are no
    endpoints; the user's come first.
    """

    def __init__(
        self,
        layers: Sequence[Sequence[Endpoint]],
        tables: Tables,
        version: str,
        shadowed: Sequence[Problem] = (),
        concealers: Sequence[Concealer] = (),
    ) -> None:
        self.version = version
        self.shadowed = tuple(shadowed)
        self.concealers = tuple(concealers)
        self.providers: Mapping[str, Provider] = MappingProxyType(dict(tables.providers))
        self.regions: Mapping[tuple[str, str], Region] = MappingProxyType(dict(tables.regions))
        self.endpoints = tuple(endpoint for layer in layers for endpoint in layer)
        self._names = [_names(layer) for layer in layers if layer]
        self._signalling = _names([each for each in self.endpoints if each.voice and not each.not_llm])
        self._addresses = [_addresses(layer) for layer in layers if layer]

    def match_name(self, name: str) -> Endpoint | None:
        """The entry of a host name in any case, with or without the trailing dot."""
        normal = normal_name(name)
        if normal is None:
            return None
        for index in self._names:
            endpoint = index.match(normal)
            if endpoint is not None:
                return endpoint
        return None

    def match_address(self, address: str) -> Endpoint | None:
        """The entry of the longest prefix that holds an address."""
        for index in self._addresses:
            endpoint = index.match(address)
            if endpoint is not None:
                return endpoint
        return None

    def is_signalling(self, name: str) -> bool:
        """Whether voice and video are arranged at a host; names are as in `match_name`."""
        normal = normal_name(name)
        return normal is not None and self._signalling.match(normal) is not None

    def interest(self) -> Interest:
        """What the flows have that entries fit. Close calls make no decision, and are left out."""
        entries = [endpoint for endpoint in self.endpoints if not endpoint.not_llm]
        return Interest(
            names=tuple(entry.match for entry in entries if not entry.is_range),
            prefixes=tuple(entry.match for entry in entries if entry.is_range),
            signalling=tuple(entry.match for entry in entries if entry.voice and not entry.is_range),
        )

    def region(self, vendor: str, code: str) -> Region | None:
        """A vendor's region."""
        return self.regions.get((vendor, code))

    def region_names(self) -> frozenset[str]:
        """Every place that an attribution can name, as policies write it: provider:region."""
        return frozenset(
            f"{endpoint.provider}:{endpoint.region}"
            for endpoint in self.endpoints
            if endpoint.provider and endpoint.region
        )

    def services(self) -> frozenset[str]:
        """Every service that an attribution can name."""
        return frozenset(endpoint.service for endpoint in self.endpoints if endpoint.service)

    def dataset(self, endpoint: Endpoint | None = None) -> str:
        """The data set that an entry comes from, and its version."""
        if endpoint is not None and endpoint.declared_by_user:
            return f"{endpoint.declared_in} ({endpoint.date})"
        return f"catalogue {self.version}"


class BuiltIn(msgspec.Struct, frozen=True):
    """What the built-in files declare: all that is made of them, so that it can be kept."""

    providers: dict[str, Provider]
    regions: tuple[Region, ...]
    endpoints: tuple[Endpoint, ...]
    concealers: tuple[Concealer, ...]


def compile_built_in(sources: Sequence[Source], regions: Source, jurisdictions: Jurisdictions) -> BuiltIn:
    """What the built-in files declare. Raises DocumentError with file and line of every mistake."""
    table = read_regions(regions, jurisdictions)
    files = [(source, decode(source, CatalogFile)) for source in sources]
    remarks: list[Remark] = []
    tables = Tables(_providers(files, {}, jurisdictions, remarks), table, jurisdictions)
    declared = _layer(files, tables, remarks, by_user=False)
    concealers = _concealers(files, remarks, by_user=False)
    if remarks:
        raise DocumentError(_located(remarks))
    endpoints = tuple(one.endpoint for one in declared)
    return BuiltIn(dict(tables.providers), tuple(table.values()), endpoints, tuple(concealers))


def compile_catalog(
    built_in: BuiltIn, sources: Sequence[Source], jurisdictions: Jurisdictions, extra: Sequence[Source] = ()
) -> Catalog:
    """The built-in catalogue, and what the user's ``extra`` files declare, which wins over it.

    ``sources`` are all files that ``built_in`` was made of: they are a part of the version.
    Raises DocumentError with file and line of every entry of the user's that cannot be used.
    """
    table = {(region.vendor, region.code): region for region in built_in.regions}
    own = [(source, decode(source, CatalogFile)) for source in extra]
    remarks: list[Remark] = []
    providers = {**built_in.providers, **_providers(own, built_in.providers, jurisdictions, remarks)}
    tables = Tables(providers, table, jurisdictions)
    declared = _layer(own, tables, remarks, by_user=True)
    concealers = [*_concealers(own, remarks, by_user=True), *built_in.concealers]
    if remarks:
        raise DocumentError(_located(remarks))
    layers = [[one.endpoint for one in declared], built_in.endpoints]
    version = _version(layers, [*sources, *extra])
    shadowed = list(itertools.islice(shadows(declared, built_in.endpoints), MAX_REMARKS))
    return Catalog(layers, tables, version, _located(shadowed, "warning"), concealers)


def _providers(
    files: Files, known: Mapping[str, Provider], jurisdictions: Jurisdictions, remarks: list[Remark]
) -> dict[str, Provider]:
    """The providers that files declare; one that is ``known`` already has to be the same."""
    providers: dict[str, Provider] = {}
    for source, file in files:
        for index, provider in enumerate(file.providers):
            country = provider.operator_country
            if provider.id in providers:
                place = Place(source, ("providers", index, "id"))
                remarks.append(Remark(place, f"provider {provider.id!r} stands twice", "keep one of them"))
            if known.get(provider.id, provider) != provider:
                place = Place(source, ("providers", index, "id"))
                mend = "leave it out to use the built-in one, or choose another id"
                remarks.append(Remark(place, f"provider {provider.id!r} is built in", mend))
            if country is not None and country not in jurisdictions.countries:
                place = Place(source, ("providers", index, "operator_country"))
                remarks.append(Remark(place, f"unknown country {country!r}", jurisdictions.mend(country)))
            providers[provider.id] = provider
    return providers


def _layer(files: Files, tables: Tables, remarks: list[Remark], *, by_user: bool) -> list[Declared]:
    declared: list[Declared] = []
    for source, file in files:
        endpoints, mistakes = expand(source, file, tables, by_user=by_user)
        declared += endpoints
        remarks += mistakes
    remarks += itertools.islice(_clashes(declared), MAX_REMARKS)
    return declared


def _concealers(files: Files, remarks: list[Remark], *, by_user: bool) -> list[Concealer]:
    concealers: list[Concealer] = []
    for source, file in files:
        found, mistakes = expand_concealers(source, file, by_user=by_user)
        concealers += found
        remarks += mistakes
    return concealers


def _clashes(declared: Sequence[Declared]) -> Iterator[Remark]:
    """Entries that can never win, that win over another by chance, or that are too many to be asked."""
    first: dict[str, Declared] = {}
    for one in declared:
        other = first.setdefault(one.endpoint.match, one)
        if other is not one:
            elsewhere = other.place.source.path
            where = "" if elsewhere == one.place.source.path else f" (also in {elsewhere})"
            yield Remark(one.place, f"{one.endpoint.match} stands twice{where}", "keep one of them")
    names = _names([one.endpoint for one in first.values()])
    crowds = list(names.crowds())
    for pattern in crowds:
        problem = f"more than {MAX_PATTERNS} patterns end in .{pattern.suffix}"
        yield Remark(first[pattern.text].place, problem, "use fewer, wider ones")
    for stronger, weaker in names.ties() if not crowds else ():
        problem = f"{weaker.text} and {stronger.text} fit the same names, and neither is more specific"
        yield Remark(first[weaker.text].place, problem, "make one of them longer")


def _located(remarks: Sequence[Remark], level: Literal["error", "warning"] = "error") -> list[Problem]:
    """The remarks with their lines; each document is read once for them."""
    lines: dict[str, Lines] = {}
    problems: list[Problem] = []
    for remark in remarks:
        source, path = remark.place.source, remark.place.path
        if source.path not in lines:
            lines[source.path] = Lines(source)
        line = lines[source.path].of(path)
        problems.append(Problem(source.path, line, remark.problem, remark.mend, level))
    return problems


def _names(endpoints: Sequence[Endpoint]) -> NameIndex[Endpoint]:
    index: NameIndex[Endpoint] = NameIndex()
    for endpoint in endpoints:
        if "/" not in endpoint.match:
            index.add(endpoint.match, endpoint)
    index.seal()
    return index


def _addresses(endpoints: Sequence[Endpoint]) -> AddressIndex[Endpoint]:
    index: AddressIndex[Endpoint] = AddressIndex()
    for endpoint in endpoints:
        if "/" in endpoint.match:
            index.add(ipaddress.ip_network(endpoint.match), endpoint)
    return index


def _version(layers: Sequence[Sequence[Endpoint]], sources: Sequence[Source]) -> str:
    digest = hashlib.sha256()
    for source in sources:
        digest.update(f"{len(source.text)} ".encode())
        digest.update(source.text.encode())
    dates = [endpoint.date for layer in layers for endpoint in layer]
    return f"{max(dates)}+{digest.hexdigest()[:12]}" if dates else f"empty+{digest.hexdigest()[:12]}"
