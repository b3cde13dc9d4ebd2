"""What would change an answer of `residency explain`, and what else there is to know of it. Pure.

Every sentence follows from the attribution and the catalogue's entries: no provider has rules of its own.
"""

from collections.abc import Iterator

import msgspec

from monitor.attribution import is_llm_related
from monitor.attribution.addresses import PUBLISHERS
from monitor.catalog import Catalog, Concealer, Endpoint
from monitor.concealing import Concealing
from monitor.explain import Asked, Explained
from monitor.nearest import Nearest
from monitor.types import Attribution
from monitor.wording import listed

MAX_HOSTS = 3  # that one sentence names
_PINNING = ("region", "group")
_ENCRYPTED = ("encrypted", "body", "deployment", "model", "profile", "project", "workspace")
_NOTHING = "nothing that packets show: no place is promised for it"
_OWN = "an entry of your own: --catalog FILE, which is asked before the built-in ones"


class Advice(msgspec.Struct, frozen=True):
    """What stands beside an answer.

    ``concealing`` is set where the input hides what goes through it; ``closest`` are the catalogue's names
    that an unknown one is much like.
    """

    would_change: tuple[str, ...]
    concealing: Concealer | None
    closest: tuple[str, ...]


class Adviser:
    """Gives advice from one catalogue. What it looks up in is made when it is needed first.

    ``has_geoip`` and ``has_ranges`` say that a GeoIP database, or a store of published ranges, is there
    already, and so need not be asked for.
    """

    def __init__(self, catalog: Catalog, *, has_geoip: bool = False, has_ranges: bool = False) -> None:
        self._catalog = catalog
        self._has_geoip = has_geoip
        self._has_ranges = has_ranges
        self._concealing: Concealing | None = None
        self._nearest: Nearest | None = None
        self._regional: dict[str, str] | None = None
        self._pinned: dict[str, list[Endpoint]] | None = None

    def advise(self, explained: Explained) -> Advice:
        """Return what would change an answer, whether the input conceals, and what it is like."""
        asked, attribution = explained.asked, explained.attribution
        known = is_llm_related(attribution)
        concealing = self._concealer(asked) if not known else None
        unknown = not known and not attribution.evidence and concealing is None
        closest = self._closest(asked.name) if unknown and asked.name is not None else ()
        would_change = tuple(self._would_change(asked, attribution)) or (_NOTHING,)
        return Advice(would_change, concealing, closest)

    def _would_change(self, asked: Asked, attribution: Attribution) -> Iterator[str]:
        entry = self._entry(asked)
        if attribution.conflicts:
            yield "an answer to the conflict: what the client asked for, from its hello and its DNS answers"
        if attribution.provider is None:
            yield from _who(asked, attribution, entry)
            if entry is None or not (entry.cname_only or entry.role == "ech-outer"):
                yield _OWN
            return
        if attribution.scope in _PINNING and attribution.countries:
            yield from _pinned(attribution, entry)
            return
        if attribution.region is None and attribution.scope != "global":
            yield from self._place(asked, attribution.provider, entry)
        yield from self._elsewhere(attribution, entry)
        if asked.name is None:
            yield f"the name that the client asked for: NAME --address {asked.address}"

    def _place(self, asked: Asked, provider: str, entry: Endpoint | None) -> Iterator[str]:
        """Yield what would name the place that the evidence leaves open."""
        example = self._aliases().get(provider)
        if asked.name is not None and not asked.cnames and example is not None:
            yield f"a CNAME chain, which may name the resource's region: --cname, for example {example}"
        ranges = [each for each in self._catalog.endpoints if each.is_range and each.provider == provider]
        publishes = provider in PUBLISHERS and entry is not None and entry.address != "anycast"
        if publishes and not self._has_ranges:
            needed = "--address IP, and " if asked.address is None else ""
            yield f"a range that is published for a region: {needed}`residency data update`"
        elif asked.address is None and (publishes or any(each.region for each in ranges)):
            yield "an address in a range that is published for a region: --address IP"
        if entry is None or entry.countries:
            return
        if entry.address == "unicast":
            if not self._has_geoip:
                needed = "--geoip FILE" if asked.address is not None else "--address IP with --geoip FILE"
                yield f"a GeoIP database, since its addresses stand in one place: {needed}"
            elif asked.address is None:
                yield "an address, which the GeoIP database places, since it stands in one: --address IP"
        elif entry.address == "anycast":
            yield "no address: this host's are anycast, and say nothing of the place"

    def _elsewhere(self, attribution: Attribution, entry: Endpoint | None) -> Iterator[str]:
        """Yield what leaves the place of processing open, and which hosts would limit it."""
        if entry is not None and entry.note and any(word in entry.note for word in _ENCRYPTED):
            yield f"what packets do not show, since it is encrypted or agreed elsewhere: {entry.note}"
        hosts = self._limiting(attribution.provider or "", entry) if entry is not None else []
        if hosts:
            yield f"another host, one that limits processing: {listed(hosts)}"

    def _limiting(self, provider: str, entry: Endpoint) -> list[str]:
        """The provider's hosts of the same service that limit processing to a place."""
        if self._pinned is None:
            self._pinned = {}
            for each in self._catalog.endpoints:
                if each.scope in _PINNING and each.countries and _asked_for(each):
                    self._pinned.setdefault(each.provider or "", []).append(each)
        near = [each for each in self._pinned.get(provider, ()) if _akin(each, entry)]
        near.sort(key=lambda each: (not each.match.endswith(f".{entry.match}"), len(each.match), each.match))
        more = [f"{len(near) - MAX_HOSTS} more"] if len(near) > MAX_HOSTS else []
        return [each.match for each in near[:MAX_HOSTS]] + more

    def _aliases(self) -> dict[str, str]:
        """For each provider an alias step that names a region."""
        if self._regional is None:
            self._regional = {}
            for each in self._catalog.endpoints:
                if each.cname_only and each.region and each.provider:
                    best = self._regional.setdefault(each.provider, each.match)
                    if "*" in best and "*" not in each.match:
                        self._regional[each.provider] = each.match
        return self._regional

    def _entry(self, asked: Asked) -> Endpoint | None:
        """The entry that the answer rests on first."""
        names = (asked.name, *asked.cnames) if asked.name is not None else ()
        for name in names:
            entry = self._catalog.match_name(name)
            if entry is not None:
                return entry
        return self._catalog.match_address(asked.address) if asked.address is not None else None

    def _concealer(self, asked: Asked) -> Concealer | None:
        if self._concealing is None:
            self._concealing = Concealing(self._catalog.concealers)
        named = self._concealing.find(asked.name) if asked.name is not None else None
        return named or (self._concealing.find(asked.address) if asked.address is not None else None)

    def _closest(self, name: str) -> tuple[str, ...]:
        if self._nearest is None:
            self._nearest = Nearest(each.match for each in self._catalog.endpoints if not each.is_range)
        return self._nearest.find(name)


def _who(asked: Asked, attribution: Attribution, entry: Endpoint | None) -> Iterator[str]:
    """Yield what would tell the provider."""
    if entry is not None and entry.role == "ech-outer":
        yield "the name inside the encrypted hello, which only the client's own DNS answers can tell"
    elif entry is not None and entry.cname_only:
        yield f"the name that the client asked for, since this is an alias step: NAME --cname {entry.match}"
    elif attribution.possible:
        yield "what is asked of this host, which is encrypted"
    elif asked.name is None:
        yield f"a name that the client asked for: NAME --address {asked.address}"
    elif entry is None:
        if not asked.cnames:
            yield "a CNAME chain that leads to a known host: --cname NAME"
        if asked.address is None:
            yield "an address in a provider's range: --address IP"


def _pinned(attribution: Attribution, entry: Endpoint | None) -> Iterator[str]:
    """Yield what would strengthen or weaken an answer that has a place."""
    word = entry is not None and entry.verified in ("third-party", "outdated", "none")
    if entry is not None and word and attribution.certainty == "inferred":
        yield f"the provider's own word for the place; so far it rests on: {entry.source}"
    if not attribution.conflicts:
        yield "nothing weaker: an address or GeoIP that disagrees is a conflict, and replaces nothing"


def _asked_for(endpoint: Endpoint) -> bool:
    """Whether it is a host that a client would be given as an API's."""
    mixed = endpoint.possible or endpoint.not_llm or endpoint.cname_only
    return not mixed and not endpoint.is_range and endpoint.role == "api"


def _akin(endpoint: Endpoint, entry: Endpoint) -> bool:
    """Whether two hosts are of one service: `API, regional` and `API` are, in the same domain."""
    if endpoint.match == entry.match or endpoint.match.split(".")[-2:] != entry.match.split(".")[-2:]:
        return False
    return _product(endpoint.service) == _product(entry.service)


def _product(service: str | None) -> str:
    """The name of a service without what it says more closely."""
    return (service or "").partition(",")[0].partition(" (")[0].lower()
