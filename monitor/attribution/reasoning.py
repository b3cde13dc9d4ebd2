"""Says who a server is and where, on what evidence. Pure.

A name outranks its alias chain, that a published address range, and that GeoIP. Weaker evidence may fill in
what stronger evidence leaves open, and may contradict it; it never replaces it. What fits several providers,
or an LLM and something else, stays open: `provider` is null, and `possible` lists who it may be.
"""

import ipaddress
from collections.abc import Sequence
from typing import Protocol

from msgspec.structs import replace

from monitor.attribution import evidence as sentence
from monitor.attribution.evidence import Location
from monitor.attribution.readings import Question, Reading, Readings, read
from monitor.catalog import Catalog
from monitor.catalog.endpoints import Endpoint
from monitor.catalog.hostmatch import parse_address
from monitor.types import Attribution, Certainty, Evidence

_CERTAINTIES: tuple[Certainty, ...] = ("observed", "inferred", "indeterminate")
_PRIVATE = tuple(
    ipaddress.ip_network(prefix) for prefix in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)


class GeoLookup(Protocol):
    """A GeoIP data set, or several."""

    def locate(self, address: str) -> Location | None:
        """What is known of an address; None when nothing is."""


def attribute(question: Question, catalog: Catalog, geo: GeoLookup | None = None) -> Attribution:
    """The attribution that the evidence supports; an empty one for what is no LLM endpoint."""
    heard = read(question, catalog)
    readings = heard.live
    proxied = any(name.source == "connect" for name in question.names)
    address = None if proxied else question.address  # a proxy's address says nothing about the server
    prefix = catalog.match_address(address) if address is not None else None
    if any(reading.llm for reading in readings):
        attribution, endpoint = _by_names(readings, catalog)
        attribution = _against(attribution, _told(heard, attribution.provider, catalog))
    elif known := [reading.endpoint for reading in readings if reading.endpoint is not None]:
        return Attribution(evidence=tuple(sentence.of_entry(entry, catalog) for entry in known))
    elif address is not None and prefix is not None and not prefix.not_llm:
        attribution, endpoint = _by_prefix(address, prefix, readings, catalog), prefix
    elif readings:
        return Attribution()
    else:
        return _by_hearsay(heard, question.address, catalog, geo)
    attribution = _with(attribution, *_aside(heard, catalog))
    if proxied and question.address is not None:
        attribution = _with(attribution, sentence.of_proxy(question.address, catalog))
    if endpoint is None:
        return attribution
    if address is not None:
        attribution = _with_prefix(attribution, endpoint, address, prefix, catalog)
        attribution = _with_address(attribution, endpoint, address, catalog, geo)
    return _with_catalogue(attribution, [endpoint], catalog)


def is_llm_related(attribution: Attribution) -> bool:
    """Whether the connection reached an LLM provider, or may have."""
    return attribution.provider is not None or bool(attribution.possible)


def _by_names(readings: Sequence[Reading], catalog: Catalog) -> tuple[Attribution, Endpoint | None]:
    """The attribution by names, and the entry that the address is then held against."""
    first = readings[0]
    if first.llm is not None and (len(readings) == 1 or first.name.source != "dns"):
        attribution = _by_name(first, first.llm, catalog)
        against = [
            sentence.of_name(other.name, other.llm, catalog)
            for other in readings[1:]
            if other.llm is not None and other.llm.provider != first.llm.provider
        ]
        return _against(attribution, against), first.llm
    entries = [(reading, reading.llm) for reading in readings if reading.llm is not None]
    providers = {entry.provider for _, entry in entries}
    sure = not any(entry.possible or entry.cname_only for _, entry in entries)
    if len(entries) < len(readings) or len(providers) > 1 or not sure:
        return _ambiguous(readings, catalog), None
    common = _common([_by_name(reading, entry, catalog) for reading, entry in entries], catalog)
    distinct = list(dict.fromkeys(entry for _, entry in entries))
    if len(distinct) == 1:
        return common, distinct[0]
    return _with_catalogue(common, distinct, catalog), None


def _told(heard: Readings, provider: str | None, catalog: Catalog) -> list[Evidence]:
    """What the client was told the address is, where that is another LLM provider than the carried name's."""
    if provider is None:
        return []
    return [
        sentence.of_resolution(other.name, heard.live[0].name, other.llm, catalog)
        for other in heard.beside
        if other.llm is not None
        and other.llm.provider != provider
        and not (other.llm.possible or other.llm.cname_only)
    ]


def _by_name(reading: Reading, endpoint: Endpoint, catalog: Catalog) -> Attribution:
    attribution = _by_entry(endpoint)
    found: list[Evidence] = []
    if reading.alias is None:
        found.append(sentence.of_name(reading.name, endpoint, catalog))
    else:
        found.append(sentence.of_alias(reading.name, reading.alias, endpoint, catalog))
    if reading.alias is not None or reading.name.source == "dns":
        attribution = _weaken(attribution, "inferred")
    attribution = replace(attribution, evidence=tuple(found))
    return _with_aliases(attribution, reading, endpoint, catalog)


def _with_aliases(
    attribution: Attribution, reading: Reading, endpoint: Endpoint, catalog: Catalog
) -> Attribution:
    """Let the alias chain fill in the region that the name leaves open, or contradict it."""
    against: list[Evidence] = []
    for alias, step in reading.aliases:
        foreign = step.provider != endpoint.provider
        if alias == reading.alias or (foreign and (step.possible or step.cname_only)):
            continue  # said already, or a front end that several providers' products share
        said = sentence.of_alias(reading.name, alias, step, catalog)
        if foreign or not _agree(attribution, step, catalog):
            against.append(said)
        elif _can_fill(attribution, step):
            attribution = _weaken(_filled(attribution, step, said), "inferred")
        elif step.region is not None:
            attribution = _with(attribution, said)
    return _against(attribution, against)


def _by_prefix(address: str, prefix: Endpoint, unlisted: Sequence[Reading], catalog: Catalog) -> Attribution:
    """The attribution by a range, beside names that no entry knows: who else may use the range is open.

    Whom a user declares by a range is sure, whatever its names are.
    """
    said = (sentence.of_prefix(address, prefix, catalog), *_said(unlisted, catalog))
    attribution = replace(_by_entry(prefix), evidence=said)
    return _weaken(attribution, "inferred") if unlisted and not prefix.declared_by_user else attribution


def _by_entry(endpoint: Endpoint) -> Attribution:
    """What an entry says on its own, before any evidence of how it was come by."""
    certainty: Certainty = "observed"
    by_operator = endpoint.scope == "unknown" and endpoint.region is None and not endpoint.declared_by_user
    if endpoint.verified in ("third-party", "outdated", "none"):
        certainty = "inferred"
    elif endpoint.countries and (by_operator or endpoint.verified == "host"):
        certainty = "inferred"  # the place is the operator's
    provider = endpoint.provider or ""
    shared = endpoint.possible or endpoint.cname_only
    return Attribution(
        provider=None if shared else provider,
        possible=(provider,) if shared else (),
        service=endpoint.service,
        scope=endpoint.scope,
        region=endpoint.region,
        countries=endpoint.countries,
        certainty="indeterminate" if shared else certainty,
    )


def _ambiguous(readings: Sequence[Reading], catalog: Catalog) -> Attribution:
    providers = {entry.provider for reading in readings if (entry := reading.llm) and entry.provider}
    return Attribution(possible=tuple(sorted(providers)), evidence=_said(readings, catalog))


def _said(readings: Sequence[Reading], catalog: Catalog) -> tuple[Evidence, ...]:
    return tuple(
        sentence.of_alias(reading.name, reading.alias, reading.endpoint, catalog)
        if reading.alias is not None and reading.endpoint is not None
        else sentence.of_name(reading.name, reading.endpoint, catalog)
        for reading in readings
    )


def _common(candidates: Sequence[Attribution], catalog: Catalog) -> Attribution:
    """What several names of one provider agree on."""
    first = candidates[0]
    said = tuple(item for each in candidates for item in each.evidence)
    against = tuple(item for each in candidates for item in each.conflicts)
    certainty = max((each.certainty for each in candidates), key=_CERTAINTIES.index)
    common = replace(first, certainty=certainty, evidence=said, conflicts=against)
    if len({each.service for each in candidates}) > 1:
        common = replace(common, service=None)
    if len({(each.scope, each.region, each.countries) for each in candidates}) > 1:
        region = first.region if len({each.region for each in candidates}) == 1 else None
        reason = sentence.of_disagreement(first.provider or "", catalog)
        common = replace(common, scope="unknown", region=region, countries=(), evidence=(*said, reason))
    return common


def _by_hearsay(heard: Readings, address: str | None, catalog: Catalog, geo: GeoLookup | None) -> Attribution:
    """Who it may be when no live name tells: what others resolved, and what an encrypted hello may hide."""
    hidden = {provider for _, outer in heard.outer if outer is not None for provider in outer.behind}
    said = {reading.llm.provider for reading in heard.hearsay if reading.llm and reading.llm.provider}
    attribution = Attribution(possible=tuple(sorted(hidden | said)), evidence=_aside(heard, catalog))
    location = geo.locate(address) if address is not None and geo is not None else None
    if address is None or location is None:
        return attribution
    return _with(attribution, sentence.of_geoip(address, location, "a place names no provider"))


def _aside(heard: Readings, catalog: Catalog) -> tuple[Evidence, ...]:
    """What is kept although it does not count: outer names, and names that others resolved."""
    return (
        *(sentence.of_outer_name(name, catalog) for name, _ in heard.outer),
        *(
            sentence.of_hearsay(reading.name, reading.llm, catalog)
            for reading in heard.hearsay
            if reading.llm is not None
        ),
    )


def _with_prefix(
    attribution: Attribution, endpoint: Endpoint, address: str, prefix: Endpoint | None, catalog: Catalog
) -> Attribution:
    """Hold the address's published range against the name."""
    if prefix is None or prefix is endpoint or prefix.not_llm:
        return attribution
    said = sentence.of_prefix(address, prefix, catalog)
    if prefix.provider != endpoint.provider or not _agree(attribution, prefix, catalog):
        return _against(attribution, [said])
    if _can_fill(attribution, prefix):
        return _filled(attribution, prefix, said)
    return _with(attribution, said)


def _with_address(
    attribution: Attribution, endpoint: Endpoint, address: str, catalog: Catalog, geo: GeoLookup | None
) -> Attribution:
    """Let GeoIP fill in or contradict the country, where the address stands in one place."""
    if is_private(address):
        declared = endpoint.is_range  # by its address, so that it needs no explaining
        return attribution if declared else _with(attribution, sentence.of_private(address, catalog))
    location = geo.locate(address) if geo is not None else None
    if location is None:
        return attribution
    country = location.country
    if endpoint.address != "unicast" or endpoint.scope == "global" or country is None:
        said = sentence.of_geoip(address, location, sentence.worthless(endpoint))
    elif not attribution.countries:
        said = sentence.of_geoip(
            address, location, "the connection ended at that address, and nothing else names a place"
        )
        scope = "entry" if attribution.scope == "unknown" else attribution.scope
        attribution = _weaken(replace(attribution, countries=(country,), scope=scope), "inferred")
    elif country in attribution.countries:
        said = sentence.of_geoip(address, location, "that agrees")
    else:
        said = sentence.of_geoip(address, location, f"that contradicts {', '.join(attribution.countries)}")
        return replace(attribution, conflicts=(*attribution.conflicts, said))
    return _with(attribution, said)


def _with_catalogue(attribution: Attribution, entries: Sequence[Endpoint], catalog: Catalog) -> Attribution:
    """Add what the entries promise, and where the operator sits when they promise no place."""
    said: list[Evidence] = []
    if attribution.provider is not None and attribution.scope in ("global", "unknown"):
        said += sentence.of_operator(attribution.provider, catalog)
    said += [sentence.of_entry(entry, catalog) for entry in entries]
    return _with(attribution, *said)


def _agree(attribution: Attribution, step: Endpoint, catalog: Catalog) -> bool:
    """Whether a weaker piece of evidence is about the same place."""
    if attribution.countries and not set(step.countries) <= set(attribution.countries):
        return False
    if attribution.region is None or step.region is None or attribution.region == step.region:
        return True
    vendor = step.provider or ""
    return None in (catalog.region(vendor, attribution.region), catalog.region(vendor, step.region))


def _can_fill(attribution: Attribution, step: Endpoint) -> bool:
    return step.region is not None and attribution.region is None and attribution.scope != "global"


def _filled(attribution: Attribution, step: Endpoint, said: Evidence) -> Attribution:
    """The attribution with the place that a step of the chain, or a range, names."""
    return replace(
        attribution,
        region=step.region,
        countries=step.countries or attribution.countries,
        scope=step.scope if attribution.scope == "unknown" else attribution.scope,
        evidence=(*attribution.evidence, said),
    )


def _with(attribution: Attribution, *said: Evidence) -> Attribution:
    return replace(attribution, evidence=(*attribution.evidence, *said)) if said else attribution


def _against(attribution: Attribution, conflicts: Sequence[Evidence]) -> Attribution:
    """The attribution with evidence as strong as its own against it."""
    if not conflicts:
        return attribution
    return replace(attribution, certainty="indeterminate", conflicts=(*attribution.conflicts, *conflicts))


def _weaken(attribution: Attribution, certainty: Certainty) -> Attribution:
    weaker = max(attribution.certainty, certainty, key=_CERTAINTIES.index)
    return replace(attribution, certainty=weaker)


def is_private(address: str) -> bool:
    """Whether the address is one of private networks: RFC 1918, or unique local (RFC 4193)."""
    parsed = parse_address(address)
    return parsed is not None and any(
        parsed in network for network in _PRIVATE if network.version == parsed.version
    )
