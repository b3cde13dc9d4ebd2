"""The catalogue: which names and addresses belong to LLM providers, and what reaching them means.

Pure and immutable once compiled. The most specific entry wins, and what the user declared is asked first.
"""

import hashlib
import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from monitor.documents import DocumentError, Problem, Source, decode, problem_at
from monitor.endpoints import CatalogFile, Endpoint, Provider, Region
from monitor.expand import Declared, Tables, expand
from monitor.hostmatch import AddressIndex, NameIndex, normal_name
from monitor.jurisdictions import Jurisdictions
from monitor.regions import read_regions

Files = Sequence[tuple[Source, CatalogFile]]


class Catalog:
    """Compiled entries. ``version`` changes with every byte of the files it was compiled from."""

    def __init__(self, layers: Sequence[Sequence[Endpoint]], tables: Tables, version: str) -> None:
        self.version = version
        self.providers: Mapping[str, Provider] = MappingProxyType(dict(tables.providers))
        self.regions: Mapping[tuple[str, str], Region] = MappingProxyType(dict(tables.regions))
        self.endpoints = tuple(endpoint for layer in layers for endpoint in layer)
        self._names = [_names(layer) for layer in layers if layer]
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

    def region(self, vendor: str, code: str) -> Region | None:
        """A vendor's region."""
        return self.regions.get((vendor, code))

    def dataset(self, endpoint: Endpoint | None = None) -> str:
        """The data set that an entry comes from, and its version."""
        if endpoint is not None and endpoint.declared_by_user:
            return f"{endpoint.declared_in} ({endpoint.date})"
        return f"catalogue {self.version}"


def compile_catalog(
    sources: Sequence[Source], regions: Source, jurisdictions: Jurisdictions, extra: Sequence[Source] = ()
) -> Catalog:
    """The catalogue of built-in ``sources`` and of the user's ``extra`` ones, which win over them.

    Raises DocumentError with file and line of every entry that cannot be used.
    """
    table = read_regions(regions, jurisdictions)
    built_in = [(source, decode(source, CatalogFile)) for source in sources]
    own = [(source, decode(source, CatalogFile)) for source in extra]
    problems: list[Problem] = []
    providers = {
        **_providers(built_in, jurisdictions, problems),
        **_providers(own, jurisdictions, problems),
    }
    tables = Tables(providers, table, jurisdictions)
    layers = [
        _layer(files, tables, problems, by_user=by_user)
        for files, by_user in ((own, True), (built_in, False))
    ]
    if problems:
        raise DocumentError(problems)
    version = _version(layers, [*sources, regions, *extra])
    return Catalog(layers, tables, version)


def _providers(files: Files, jurisdictions: Jurisdictions, problems: list[Problem]) -> dict[str, Provider]:
    providers: dict[str, Provider] = {}
    for source, file in files:
        for index, provider in enumerate(file.providers):
            path = ("providers", index)
            country = provider.operator_country
            if provider.id in providers:
                problem = f"provider {provider.id!r} stands twice"
                problems.append(problem_at(source, (*path, "id"), problem, "keep one of them"))
            if country is not None and country not in jurisdictions.countries:
                problem = f"unknown country {country!r}"
                mend = jurisdictions.mend(country)
                problems.append(problem_at(source, (*path, "operator_country"), problem, mend))
            providers[provider.id] = provider
    return providers


def _layer(files: Files, tables: Tables, problems: list[Problem], *, by_user: bool) -> list[Endpoint]:
    declared: list[Declared] = []
    for source, file in files:
        endpoints, mistakes = expand(source, file, tables, by_user=by_user)
        declared += endpoints
        problems += mistakes
    problems += _clashes(declared)
    return [one.endpoint for one in declared]


def _clashes(declared: Sequence[Declared]) -> Iterator[Problem]:
    """Entries that can never win, or that win over another by chance."""
    first: dict[str, Declared] = {}
    for one in declared:
        other = first.setdefault(one.endpoint.match, one)
        if other is not one:
            where = "" if other.source == one.source else f" (also in {other.source.path})"
            yield one.problem(f"{one.endpoint.match} stands twice{where}", "keep one of them")
    names = _names([one.endpoint for one in first.values()])
    for stronger, weaker in names.ties():
        problem = f"{weaker.text} and {stronger.text} fit the same names, and neither is more specific"
        yield first[weaker.text].problem(problem, "make one of them longer")


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
