"""The sentences of an attribution: each says one thing that a person can check, and which data set says so.

They speak of names, addresses and documents, never of where data went.
"""

from collections.abc import Sequence

import msgspec

from monitor.attribution.ranges import PublishedRange
from monitor.catalog import Catalog
from monitor.catalog.endpoints import AddressKind, Endpoint, Verified
from monitor.types import Evidence, EvidenceKind, Name, NameSource, NameState, Scope

RANGE_GIVES = "the connection ended there"
GEOIP_GIVES = "the connection ended at that address, and nothing else names a place"
MANY_COUNTRIES = 6  # from here on a sentence gives their number

_ASKED: dict[NameSource, str] = {
    "sni": "the client's hello names {}",
    "connect": "the client asked a proxy for {}",
    "http": "the client's HTTP request names {}",
    "dns": "the client had resolved {} to this address",
    "signalling": "the client was connected to {}",
}
_FOR_WHOM = "for whom was not seen"
_ASKED_FOR_OTHERS = f"a resolver had resolved {{}} to this address, {_FOR_WHOM}"
_TOLD: dict[NameState, str] = {
    "stale": "the client, longer ago than the answer counted,",
    "resolver": f"a resolver, {_FOR_WHOM},",
}
_SCOPES: dict[Scope, str] = {
    "region": "processing is limited to {}",
    "entry": "the connection enters in {}, processing may be elsewhere",
    "group": "processing is limited to {}",
    "global": "no place of processing is promised",
    "storage": "data at rest is kept in {}, processing may be elsewhere",
    "unknown": "no place of processing is promised",
}
_VERIFIED: dict[Verified, str] = {
    "full": "",
    "pattern": ", the pattern is documented",
    "host": ", the place is its operator's",
    "third-party": ", not its provider's own words",
    "outdated": ", outdated",
    "none": ", unverified",
}
_WORTHLESS: dict[AddressKind, str] = {
    "anycast": "it is an anycast address, so this says nothing about the place",
    "unknown": "nothing says that the address stands in one place, so this is not used",
    "unicast": "its provider promises no place, so this is not used",
}


class Location(msgspec.Struct, frozen=True):
    """What a GeoIP data set says of an address. ``country`` is an ISO 3166-1 code."""

    country: str | None
    asn: int | None
    dataset: str


def of_name(name: Name, endpoint: Endpoint | None, catalog: Catalog) -> Evidence:
    """A name that the connection had, and what the catalogue calls it.

    The name may be an address, as in `CONNECT 192.0.2.1:443`: then it is a range that knows it.
    """
    asked = (_ASKED_FOR_OTHERS if name.state == "resolver" else _ASKED[name.source]).format(name.value)
    dataset = catalog.dataset(endpoint)
    if endpoint is not None and endpoint.is_range:
        return Evidence("prefix", endpoint.match, f"{asked}, which is {_ranged(endpoint, catalog)}", dataset)
    called = _called(endpoint, catalog) if endpoint is not None else "in no entry of the catalogue"
    kind: EvidenceKind = "dns" if name.source == "dns" else "name"
    return Evidence(kind, name.value, f"{asked}, which is {called}", dataset)


def of_hearsay(name: Name, endpoint: Endpoint, catalog: Catalog) -> Evidence:
    """A name that the address had for somebody else, or once; or that arranged the call that this may be."""
    if name.state == "beside":
        says = (
            f"the client was connected to {name.value} when this began, which is {_called(endpoint, catalog)}"
        )
        return Evidence("signalling", name.value, f"{says}; media names nobody", catalog.dataset(endpoint))
    told = _TOLD.get(name.state, "another client")
    says = f"{told} had resolved {name.value} to this address, which is {_called(endpoint, catalog)}"
    return Evidence("dns", name.value, says, catalog.dataset(endpoint))


def of_resolution(name: Name, carried: Name, endpoint: Endpoint | None, catalog: Catalog) -> Evidence:
    """A name that the client was told the address for, beside a carried name that it was not told it for."""
    told = _ASKED["dns"].format(name.value)
    called = _called(endpoint, catalog) if endpoint is not None else "in no entry of the catalogue"
    says = f"{told}, which is {called}, and was not seen to resolve {carried.value} to it"
    return Evidence("dns", name.value, says, catalog.dataset(endpoint))


def of_alias(name: Name, alias: str, endpoint: Endpoint, catalog: Catalog) -> Evidence:
    """The step of a CNAME chain that says who the server is, or where."""
    place = f" in region {endpoint.region}" if endpoint.region else ""
    told = f"a resolver was told, {_FOR_WHOM}: " if name.state == "resolver" else ""
    says = f"{told}{name.value} is an alias of {alias}, which is {_called(endpoint, catalog)}{place}"
    return Evidence("cname", alias, says, catalog.dataset(endpoint))


def of_disagreement(provider: str, catalog: Catalog) -> Evidence:
    """Why the place stays open although the provider is known."""
    called = catalog.providers[provider].name
    says = f"all of these names are of {called}, but their places differ, and which one was asked for is open"
    return Evidence("dns", provider, says, catalog.dataset())


def of_outer_name(name: str, catalog: Catalog) -> Evidence:
    """The name on the outside of an encrypted hello."""
    says = f"the hello is encrypted (ECH); {name} is its outside, not the name that the client asked for"
    return Evidence("ech", name, says, catalog.dataset())


def of_prefix(address: str, endpoint: Endpoint, catalog: Catalog) -> Evidence:
    """A published or declared range that holds the address."""
    says = f"{address} is {_ranged(endpoint, catalog)}"
    return Evidence("prefix", endpoint.match, says, catalog.dataset(endpoint))


def of_private(address: str, catalog: Catalog) -> Evidence:
    """A private address behind a provider's name."""
    meaning = "a private endpoint of the provider, or an intermediary such as a proxy"
    says = f"{address} is a private address (RFC 1918, RFC 4193): {meaning}"
    return Evidence("private", address, says, catalog.dataset())


def of_proxy(address: str, catalog: Catalog) -> Evidence:
    """A proxy's address, on a connection that asks it for a tunnel."""
    says = f"the connection ended at a proxy, {address}; where the tunnel goes on from there was not seen"
    return Evidence("proxy", address, says, catalog.dataset())


def of_geoip(address: str, location: Location, comment: str) -> Evidence:
    """The country that a data set gives for the address, and what that is worth here."""
    system = f" (AS{location.asn})" if location.asn is not None else ""
    placed = f"places {address}{system} in {location.country or 'no country'}"
    says = f"data set {location.dataset} {placed}; {comment}"
    return Evidence("geoip", location.country or address, says, location.dataset)


def of_published(address: str, published: PublishedRange, catalog: Catalog, comment: str) -> Evidence:
    """The range that a provider publishes for the address, and what that is worth here."""
    provider = catalog.providers.get(published.provider)
    called = provider.name if provider is not None else published.provider
    service = f" ({published.service})" if published.service is not None else ""
    where = f", for {place(published.region, published.countries)}" if published.region is not None else ""
    says = f"{called} publishes {published.prefix}, which holds {address}{where}{service}; {comment}"
    return Evidence("range", published.prefix, says, published.dataset)


def is_of_hello(evidence: Evidence) -> bool:
    """Whether the sentence is of a name that stood in the client's hello (SNI)."""
    return evidence.kind in ("name", "prefix") and evidence.says.startswith(_ASKED["sni"].format(""))


def is_of_resolver(evidence: Evidence) -> bool:
    """Whether the sentence is of a name that only a resolver had, or of its alias."""
    return evidence.kind in ("dns", "cname") and _FOR_WHOM in evidence.says


def gives_place(evidence: Evidence) -> bool:
    """Whether the place comes from this sentence on the address, as nothing else gave one."""
    return evidence.kind in ("range", "geoip") and evidence.says.endswith((RANGE_GIVES, GEOIP_GIVES))


def worthless(endpoint: Endpoint) -> str:
    """Why GeoIP is not used for an endpoint's address."""
    return _WORTHLESS[endpoint.address]


def of_operator(provider: str, catalog: Catalog) -> tuple[Evidence, ...]:
    """Where the company sits, where the catalogue knows it."""
    operator = catalog.providers[provider]
    if operator.operator_country is None:
        return ()
    says = f"{operator.name} sits in {operator.operator_country}, which does not say where it processes"
    return (Evidence("operator", operator.operator_country, says, catalog.dataset()),)


def of_entry(endpoint: Endpoint, catalog: Catalog) -> Evidence:
    """What the catalogue's entry promises, and where that is written."""
    says = _promise(endpoint)
    if endpoint.not_llm:
        says = "no LLM endpoint"
    note = f" ({endpoint.note})" if endpoint.note else ""
    origin = f"{endpoint.source}, {endpoint.date}{_VERIFIED[endpoint.verified]}"
    text = f"{endpoint.match}: {says}{note}; source: {origin}"
    return Evidence("catalogue", endpoint.match, text, catalog.dataset(endpoint))


def _promise(endpoint: Endpoint) -> str:
    """What the entry says of the place, and whose word that is where it is not the provider's."""
    where = place(endpoint.region, endpoint.countries)
    if endpoint.possible and endpoint.scope in ("region", "group"):
        return f"a host that carries more than LLM requests; the place given for it is {where}"
    says = _SCOPES[endpoint.scope].format(where)
    promised = endpoint.scope not in ("global", "unknown")
    third_party = promised and endpoint.verified == "third-party"
    return f"according to {endpoint.source}, {says}" if third_party else says


def _called(endpoint: Endpoint, catalog: Catalog) -> str:
    provider = catalog.providers.get(endpoint.provider or "")
    words = (endpoint.service, provider.name if provider else None)
    called = " of ".join(word for word in words if word) or "an entry of the catalogue"
    return f"possibly {called}" if endpoint.possible else called


def _ranged(endpoint: Endpoint, catalog: Catalog) -> str:
    return f"in {endpoint.match}, an address range of {_called(endpoint, catalog)}"


def place(region: str | None, countries: Sequence[str]) -> str:
    """A region and its countries in words."""
    many = len(countries) >= MANY_COUNTRIES
    named = f"{len(countries)} countries" if many else ", ".join(countries)
    if region is None:
        return named or "a place that it does not name"
    return f"{region} ({named})" if named else region
