"""What a server's address adds: ranges that the catalogue or a provider publishes, and GeoIP. Pure.

A published range outranks GeoIP. Both say where the connection ended; neither says where processing happens.
"""

from typing import Protocol

import msgspec
from msgspec.structs import replace

from monitor.attribution import evidence as sentence
from monitor.attribution.combining import add, against, agree, can_fill, filled, weaken
from monitor.attribution.evidence import Location
from monitor.attribution.private import is_private
from monitor.attribution.ranges import PublishedRange, RangeLookup
from monitor.catalog import Catalog
from monitor.catalog.endpoints import Endpoint
from monitor.types import Attribution, Evidence, Scope

PUBLISHERS = frozenset({"aws", "azure", "google", "oracle", "cloudflare", "anthropic"})


class GeoLookup(Protocol):
    """A GeoIP data set, or several."""

    def locate(self, address: str) -> Location | None:
        """What is known of an address; None when nothing is."""


class Server(msgspec.Struct, frozen=True):
    """An address, and what each data set knows of it: nothing where that is None."""

    address: str
    prefix: Endpoint | None = None
    published: PublishedRange | None = None
    location: Location | None = None

    @property
    def stands(self) -> PublishedRange | None:
        """The published range, where it says in which one place the address stands."""
        published = self.published
        return None if published is None or published.anycast or not published.countries else published


def look_up(
    address: str, catalog: Catalog, geo: GeoLookup | None = None, ranges: RangeLookup | None = None
) -> Server:
    """Ask every data set for an address; of a private one only the catalogue can know something."""
    prefix = catalog.match_address(address)
    if is_private(address):
        return Server(address, prefix)
    return Server(
        address=address,
        prefix=prefix,
        published=ranges.find(address) if ranges is not None else None,
        location=geo.locate(address) if geo is not None else None,
    )


def hold_against(
    attribution: Attribution, endpoint: Endpoint, server: Server, catalog: Catalog
) -> Attribution:
    """Let the address agree with the entry, fill in the place that it leaves open, or contradict it."""
    attribution = _with_prefix(attribution, endpoint, server, catalog)
    if is_private(server.address):
        declared = endpoint.is_range  # by its address, so that it needs no explaining
        return attribution if declared else add(attribution, sentence.of_private(server.address, catalog))
    attribution = _with_published(attribution, endpoint, server, catalog)
    return _with_location(attribution, endpoint, server)


def alone(server: Server, catalog: Catalog) -> tuple[Evidence, ...]:
    """What the data sets say of an address that no live name goes with."""
    said: list[Evidence] = []
    if server.published is not None:
        said.append(
            sentence.of_published(server.address, server.published, catalog, "a range names no LLM provider")
        )
    if server.location is not None:
        said.append(sentence.of_geoip(server.address, server.location, "a place names no provider"))
    return tuple(said)


def _with_prefix(
    attribution: Attribution, endpoint: Endpoint, server: Server, catalog: Catalog
) -> Attribution:
    """Hold the range that the catalogue knows against the name."""
    prefix = server.prefix
    if prefix is None or prefix is endpoint or prefix.not_llm:
        return attribution
    said = sentence.of_prefix(server.address, prefix, catalog)
    if prefix.provider != endpoint.provider or not agree(attribution, prefix, catalog):
        return against(attribution, [said])
    if can_fill(attribution, prefix):
        return filled(attribution, prefix, said)
    return add(attribution, said)


def _with_published(
    attribution: Attribution, endpoint: Endpoint, server: Server, catalog: Catalog
) -> Attribution:
    """Hold the range that a provider publishes against the name, or take the place from it."""
    published = server.published
    if published is None:
        return attribution
    vendor = endpoint.vendor or endpoint.provider
    own = published.provider == vendor
    if not own and vendor in PUBLISHERS and endpoint.role not in ("cdn", "telemetry"):
        comment = f"that contradicts {endpoint.match}, which {vendor} serves from ranges of its own"
        return against(attribution, [sentence.of_published(server.address, published, catalog, comment)])
    if server.stands is None:
        comment = "many places answer at it" if published.anycast else "no place is published for it"
        return add(attribution, sentence.of_published(server.address, published, catalog, comment))
    known = (
        published.region is not None and catalog.region(vendor or "", attribution.region or "") is not None
    )
    claimed = _claimed(attribution, published, coded=own and known)
    if claimed is not None:
        comment = f"that contradicts {claimed}"
        return against(attribution, [sentence.of_published(server.address, published, catalog, comment)])
    worth = _agreement(attribution, endpoint)
    said = sentence.of_published(server.address, published, catalog, worth or sentence.RANGE_GIVES)
    if worth is None:
        attribution = replace(
            attribution,
            region=published.region if own else attribution.region,  # codes are their publisher's
            countries=published.countries,
            scope=_entered(attribution.scope),
        )
    return add(attribution, said)


def _claimed(attribution: Attribution, published: PublishedRange, *, coded: bool) -> str | None:
    """The place that stronger evidence names and that the range is not in.

    ``coded``: both regions are codes of one vendor, not areas as `eu`, so that they can be compared.
    """
    if attribution.scope in ("global", "storage"):
        return None  # no place is promised for where the connection ends
    if coded and attribution.region is not None and attribution.region != published.region:
        return (
            attribution.region
            if set(attribution.countries) <= set(published.countries)
            else _place(attribution)
        )
    if attribution.countries and not set(published.countries) <= set(attribution.countries):
        return _place(attribution)
    return None


def _place(attribution: Attribution) -> str:
    return sentence.place(attribution.region, attribution.countries)


def _agreement(attribution: Attribution, endpoint: Endpoint) -> str | None:
    """What a range that contradicts nothing is worth; None where it gives the place that is open."""
    if attribution.scope in ("global", "storage"):
        return "where the connection ended, which is no place of processing"
    if endpoint.address == "anycast":
        return "the entry says that many places answer, so this is not used"
    return "that agrees" if attribution.countries else None


def _with_location(attribution: Attribution, endpoint: Endpoint, server: Server) -> Attribution:
    """Let GeoIP fill in or contradict the country, where the address stands in one place."""
    location = server.location
    if location is None:
        return attribution
    address, country, stands = server.address, location.country, server.stands
    against_range = country is not None and stands is not None and country not in stands.countries
    taken = attribution.scope not in ("global", "storage") and endpoint.address != "anycast"
    if against_range and stands is not None and taken:
        published = sentence.place(stands.region, stands.countries)
        said = sentence.of_geoip(
            address, location, f"that contradicts {published}, as its operator publishes"
        )
        return replace(attribution, conflicts=(*attribution.conflicts, said))
    unicast = endpoint.address == "unicast" and not (
        server.published is not None and server.published.anycast
    )
    if not unicast or endpoint.scope == "global" or country is None:
        if stands is None or country is None:
            worth = sentence.worthless(endpoint)
        elif against_range:
            worth = "the published range is elsewhere, and no place is taken from either"
        else:
            worth = "that agrees with the published range"
        said = sentence.of_geoip(address, location, worth)
    elif not attribution.countries:
        said = sentence.of_geoip(address, location, sentence.GEOIP_GIVES)
        entered = replace(attribution, countries=(country,), scope=_entered(attribution.scope))
        attribution = weaken(entered, "inferred")
    elif country in attribution.countries:
        said = sentence.of_geoip(address, location, "that agrees")
    else:
        said = sentence.of_geoip(address, location, f"that contradicts {', '.join(attribution.countries)}")
        return replace(attribution, conflicts=(*attribution.conflicts, said))
    return add(attribution, said)


def _entered(scope: Scope) -> Scope:
    return "entry" if scope == "unknown" else scope
