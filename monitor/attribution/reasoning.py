"""Says who a server is and where, on what evidence. Pure.

A name outranks its alias chain, that a published address range, and that GeoIP. Weaker evidence may fill in
what stronger evidence leaves open, and may contradict it; it never replaces it. What fits several providers,
or an LLM and something else, stays open: `provider` is null, and `possible` lists who it may be.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from monitor.attribution import evidence as sentence
from monitor.attribution.addresses import GeoLookup, Server, alone, hold_against, look_up
from monitor.attribution.combining import CERTAINTIES, add, against, agree, can_fill, filled, weaken
from monitor.attribution.ranges import RangeLookup
from monitor.attribution.readings import Question, Reading, Readings, read
from monitor.catalog import Catalog
from monitor.catalog.endpoints import Endpoint
from monitor.types import Attribution, Certainty, Evidence


def attribute(
    question: Question, catalog: Catalog, geo: GeoLookup | None = None, ranges: RangeLookup | None = None
) -> Attribution:
    """The attribution that the evidence supports; an empty one for what is no LLM endpoint."""
    heard = read(question, catalog)
    readings = heard.live
    proxied = any(name.source == "connect" for name in question.names)
    address = None if proxied else question.address  # a proxy's address says nothing about the server
    server = look_up(address, catalog, geo, ranges) if address is not None else None
    prefix = server.prefix if server is not None else None
    if any(reading.llm for reading in readings):
        attribution, endpoint = _by_names(readings, catalog)
        attribution = against(attribution, _told(heard, endpoint, catalog))
    elif known := [reading.endpoint for reading in readings if reading.endpoint is not None]:
        return add(_behind(heard, catalog), *(sentence.of_entry(entry, catalog) for entry in known))
    elif address is not None and prefix is not None and not prefix.not_llm:
        attribution, endpoint = _by_prefix(address, prefix, readings, catalog), prefix
    elif readings:
        return _behind(heard, catalog)
    else:
        return _by_hearsay(heard, server, catalog)
    attribution = add(attribution, *_aside(heard, catalog))
    if proxied and question.address is not None:
        attribution = add(attribution, sentence.of_proxy(question.address, catalog))
    if endpoint is None:
        return attribution
    if server is not None:
        attribution = hold_against(attribution, endpoint, server, catalog)
    return _with_catalogue(attribution, [endpoint], catalog)


def is_llm_related(attribution: Attribution) -> bool:
    """Whether the connection reached an LLM provider, or may have."""
    return attribution.provider is not None or bool(attribution.possible)


def _by_names(readings: Sequence[Reading], catalog: Catalog) -> tuple[Attribution, Endpoint | None]:
    """The attribution by names, and the entry that the address is then held against."""
    first = readings[0]
    if first.llm is not None and (len(readings) == 1 or first.name.source != "dns"):
        attribution = _by_name(first, first.llm, catalog)
        others = [
            sentence.of_name(other.name, other.llm, catalog)
            for other in readings[1:]
            if other.llm is not None and other.llm.provider != first.llm.provider
        ]
        return against(attribution, others), first.llm
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


def _told(heard: Readings, endpoint: Endpoint | None, catalog: Catalog) -> list[Evidence]:
    """What the client was told the address is, where that is somebody else than the carried name's provider.

    Names of others count where the provider's addresses are its own: a front end serves anybody's.
    """
    if endpoint is None or endpoint.provider is None or endpoint.possible:
        return []
    alone = endpoint.address == "unicast"
    return [
        sentence.of_resolution(other.name, heard.live[0].name, other.llm, catalog)
        for other in heard.beside
        if (
            other.llm.provider != endpoint.provider and _is_sure(other.llm)
            if other.llm is not None
            else alone
        )
    ]


def _behind(heard: Readings, catalog: Catalog) -> Attribution:
    """Who it may be although the carried name is another's: whose address the client was told this is.

    A hello may name one host and be meant for another one (domain fronting).
    """
    fronted = [
        (other, other.llm)
        for other in heard.beside
        if other.llm is not None and other.llm.address == "unicast" and _is_sure(other.llm)
    ]
    return Attribution(
        possible=tuple(sorted({entry.provider for _, entry in fronted if entry.provider is not None})),
        conflicts=tuple(
            sentence.of_resolution(other.name, heard.live[0].name, entry, catalog) for other, entry in fronted
        ),
    )


def _is_sure(entry: Endpoint) -> bool:
    """Whether an entry is of an LLM endpoint and nothing else."""
    return not (entry.possible or entry.cname_only)


def _by_name(reading: Reading, endpoint: Endpoint, catalog: Catalog) -> Attribution:
    attribution = _by_entry(endpoint)
    found: list[Evidence] = []
    if reading.alias is None:
        found.append(sentence.of_name(reading.name, endpoint, catalog))
    else:
        found.append(sentence.of_alias(reading.name, reading.alias, endpoint, catalog))
    if reading.alias is not None or reading.name.source == "dns":
        attribution = weaken(attribution, "inferred")
    if reading.name.state == "resolver":
        attribution = weaken(attribution, "indeterminate")
    attribution = replace(attribution, evidence=tuple(found))
    return _with_aliases(attribution, reading, endpoint, catalog)


def _with_aliases(
    attribution: Attribution, reading: Reading, endpoint: Endpoint, catalog: Catalog
) -> Attribution:
    """Let the alias chain fill in the region that the name leaves open, or contradict it."""
    contrary: list[Evidence] = []
    for alias, step in reading.aliases:
        foreign = step.provider != endpoint.provider
        if alias == reading.alias or (foreign and (step.possible or step.cname_only)):
            continue  # said already, or a front end that several providers' products share
        said = sentence.of_alias(reading.name, alias, step, catalog)
        if foreign or not agree(attribution, step, catalog):
            contrary.append(said)
        elif can_fill(attribution, step):
            attribution = weaken(filled(attribution, step, said), "inferred")
        elif step.region is not None:
            attribution = add(attribution, said)
    return against(attribution, contrary)


def _by_prefix(address: str, prefix: Endpoint, unlisted: Sequence[Reading], catalog: Catalog) -> Attribution:
    """The attribution by a range, beside names that no entry knows: who else may use the range is open.

    Whom a user declares by a range is sure, whatever its names are.
    """
    said = (sentence.of_prefix(address, prefix, catalog), *_said(unlisted, catalog))
    attribution = replace(_by_entry(prefix), evidence=said)
    return weaken(attribution, "inferred") if unlisted and not prefix.declared_by_user else attribution


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
    contrary = tuple(item for each in candidates for item in each.conflicts)
    certainty = max((each.certainty for each in candidates), key=CERTAINTIES.index)
    common = replace(first, certainty=certainty, evidence=said, conflicts=contrary)
    if len({each.service for each in candidates}) > 1:
        common = replace(common, service=None)
    if len({(each.scope, each.region, each.countries) for each in candidates}) > 1:
        region = first.region if len({each.region for each in candidates}) == 1 else None
        reason = sentence.of_disagreement(first.provider or "", catalog)
        common = replace(common, scope="unknown", region=region, countries=(), evidence=(*said, reason))
    return common


def _by_hearsay(heard: Readings, server: Server | None, catalog: Catalog) -> Attribution:
    """Who it may be when no live name tells: what others resolved, and what an encrypted hello may hide."""
    hidden = {provider for _, outer in heard.outer if outer is not None for provider in outer.behind}
    said = {reading.llm.provider for reading in heard.hearsay if reading.llm and reading.llm.provider}
    attribution = Attribution(possible=tuple(sorted(hidden | said)), evidence=_aside(heard, catalog))
    if server is None:
        return attribution
    return add(attribution, *alone(server, catalog))


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


def _with_catalogue(attribution: Attribution, entries: Sequence[Endpoint], catalog: Catalog) -> Attribution:
    """Add what the entries promise, and where the operator sits when they promise no place."""
    said: list[Evidence] = []
    if attribution.provider is not None and attribution.scope in ("global", "unknown"):
        said += sentence.of_operator(attribution.provider, catalog)
    said += [sentence.of_entry(entry, catalog) for entry in entries]
    return add(attribution, *said)
