"""Whether an endpoint is inside a set of countries, as far as network evidence can say.

A packet shows where a connection ends, not where a model runs. So the answer has a position by the endpoint's
scope, and a sentence for each: an operator, or data at rest, outside is not processing outside. Adequacy and
other dated sets are those of the flow's day.
"""

import datetime as dt
import functools
from collections.abc import Sequence
from typing import Literal, NamedTuple

from monitor.attribution.evidence import gives_place, is_of_resolver
from monitor.jurisdictions import Jurisdictions
from monitor.policy.schema import OwnJurisdiction
from monitor.types import Attribution, EvidenceKind

Position = Literal["inside", "outside", "entry", "global", "operator", "storage", "unclear"]

_SHOWN_COUNTRIES = 8
_DAYS_KEPT = 256

_ENDED: dict[EvidenceKind | None, str] = {
    "name": "at a host that provider documentation places in",
    "cname": "at a host whose alias chain leads to",
    "prefix": "at an address that the provider's published ranges place in",
    "range": "at an address that its operator's published ranges place in",
    "geoip": "at an address that a GeoIP data set places in",
    "private": "at a private address of an endpoint that belongs to",
    "operator": "at an endpoint of an operator that says or sits in",
}


class Bounds(NamedTuple):
    """The countries of a set on one day. ``partial``: in it for some organisations only, and which."""

    countries: frozenset[str]
    partial: dict[str, str]


class Verdict(NamedTuple):
    """A position, and the sentences that led to it."""

    position: Position
    reasons: tuple[str, ...]


class Territory:
    """The union of named sets (built in, the policy's own, or single countries), day by day."""

    def __init__(self, names: Sequence[str], own: Sequence[OwnJurisdiction], built_in: Jurisdictions) -> None:
        self.names = tuple(names)
        self._own = {each.name: each for each in own}
        self._built_in = built_in
        self.on = functools.lru_cache(_DAYS_KEPT)(self._on)

    def called(self, day: dt.date) -> str:
        """The sets for a sentence, with the day where their members depend on it."""
        sets = [set_name for name in self.names for set_name in self._built_in_names(name)]
        dated = any(self._built_in.is_dated(name) for name in sets)
        return " or ".join(self.names) + (f" as of {day}" if dated else "")

    def _built_in_names(self, name: str) -> Sequence[str]:
        own = self._own.get(name)
        return (own.include or ()) if own else (name,)

    def _on(self, day: dt.date) -> Bounds:
        countries: set[str] = set()
        partial: dict[str, str] = {}
        for name in self.names:
            own = self._own.get(name)
            each = self._resolve_own(own, day) if own else self._resolve([name], day)
            countries |= each.countries
            partial |= each.partial
        return _bounds(countries, partial)

    def _resolve(self, names: Sequence[str], day: dt.date) -> Bounds:
        countries: set[str] = set()
        partial: dict[str, str] = {}
        for name in names:
            conditions = self._built_in.partial(name, day)
            countries |= self._built_in.members(name, day) - conditions.keys()
            partial |= conditions
        return _bounds(countries, partial)

    def _resolve_own(self, own: OwnJurisdiction, day: dt.date) -> Bounds:
        included = self._resolve(own.include or (), day)
        without = frozenset(own.without or ())
        countries = (included.countries | frozenset(own.countries or ())) - without
        partial = {country: why for country, why in included.partial.items() if country not in without}
        return _bounds(countries, partial)


def _bounds(countries: set[str] | frozenset[str], partial: dict[str, str]) -> Bounds:
    left = {country: why for country, why in partial.items() if country not in countries}
    return Bounds(frozenset(countries), left)


def whereabouts(attribution: Attribution) -> str:
    """One sentence: what the evidence says of the endpoint's place."""
    scope, countries = attribution.scope, listed(attribution.countries)
    if scope == "global":
        return "the endpoint is global: its name and address say nothing about where requests are processed"
    if not attribution.countries:
        refuted = [each.says for each in attribution.evidence if each.kind == "rtt"]
        return ": ".join(("no evidence says where the endpoint processes requests", *refuted))
    if scope == "storage":
        return f"provider documentation places data at rest in {countries}; processing may be elsewhere"
    inferred = attribution.certainty == "inferred"
    if scope == "group":
        limits = "said to limit processing" if inferred else "whose provider limits processing"
        return (
            f"the connection ended at an endpoint {limits} to {countries}{' (inferred)' if inferred else ''}"
        )
    if scope == "unknown":
        return f"the endpoint promises no place; its operator says or sits in {countries}"
    ended = _ENDED.get(_rests_on(attribution), "at an endpoint placed in")
    sentence = f"the connection ended {ended} {countries}{' (inferred)' if inferred else ''}"
    return f"{sentence}; processing may be elsewhere" if scope == "entry" else sentence


def _rests_on(attribution: Attribution) -> EvidenceKind | None:
    """The kind of evidence that the place comes from; None where no sentence fits it."""
    given = next((each.kind for each in attribution.evidence if gives_place(each)), None)
    if given is not None:
        return given
    passed_over = {"range", "geoip"}  # they agree at most
    if attribution.certainty == "inferred":
        passed_over.add("name")  # it alone would have been enough
    kinds = (each.kind for each in attribution.evidence)  # the first one carries the attribution
    return next((kind for kind in kinds if kind in _ENDED and kind not in passed_over), None)


def is_contradicted(attribution: Attribution) -> bool:
    """Whether evidence as strong as its own speaks against the attribution."""
    return attribution.certainty == "indeterminate" and bool(attribution.conflicts)


def is_hint(attribution: Attribution) -> bool:
    """Whether only a name that a resolver had, for a client that was not seen, says who the server is."""
    return attribution.certainty == "indeterminate" and any(map(is_of_resolver, attribution.evidence[:1]))


def locate_inside(attribution: Attribution, territory: Territory, day: dt.date) -> Verdict:
    """The position of an endpoint against a set of countries on a day."""
    place, called = whereabouts(attribution), territory.called(day)
    if attribution.scope == "global":
        return Verdict("global", (place,))
    if not attribution.countries:
        return Verdict("unclear", (place,))
    countries, partial = territory.on(day)
    outside = [each for each in attribution.countries if each not in countries and each not in partial]
    if len(outside) == len(attribution.countries):
        return _outside(attribution, (place, f"{_be(outside)} not in {called}"))
    if outside:
        return Verdict("unclear", (place, f"of these countries, {_be(outside)} not in {called}"))
    conditions = tuple(
        f"{each} is in {called} for {partial[each]} only, and packets do not show who is one"
        for each in attribution.countries
        if each in partial
    )
    if conditions:
        return Verdict("unclear", (place, *conditions))
    return Verdict(_pinned(attribution), (place, f"{_be(attribution.countries)} inside {called}"))


def region_of(attribution: Attribution) -> str | None:
    """The region as policies name it, provider:code: one code is another place at another provider."""
    if attribution.provider is None or attribution.region is None:
        return None
    return f"{attribution.provider}:{attribution.region}"


def locate_region(attribution: Attribution, regions: frozenset[str]) -> Verdict:
    """The position of an endpoint against a list of regions."""
    region = region_of(attribution)
    place = whereabouts(attribution)
    wanted = listed(tuple(sorted(regions)))
    if attribution.scope == "global":
        return Verdict("global", (place,))
    if region is None:
        return Verdict("unclear", (place, f"its region is not known; asked for is {wanted}"))
    if region in regions:
        return Verdict(_pinned(attribution), (place, f"its region is {region}"))
    says = f"its region {region} is not {wanted}"
    return (
        Verdict("unclear", (place, says))
        if attribution.scope == "group"
        else _outside(attribution, (place, says))
    )


def _pinned(attribution: Attribution) -> Position:
    """What being in the right place proves, by scope."""
    if attribution.scope in ("region", "group"):
        return "inside"
    return "entry" if attribution.scope == "entry" else "unclear"


def _outside(attribution: Attribution, reasons: tuple[str, ...]) -> Verdict:
    """What being in the wrong place proves, by scope, and what that rests on where it is not processing."""
    if attribution.scope == "storage":
        basis = "this rests on where data rests, which does not say where it is processed"
        return Verdict("storage", (*reasons, basis))
    if attribution.scope != "unknown":
        return Verdict("outside", reasons)
    seats = {each.value for each in attribution.evidence if each.kind == "operator"}
    basis = "this rests on a place that the operator names without promising to process there"
    if seats == set(attribution.countries):
        basis = "this rests on the operator's seat, which does not say where it processes"
    return Verdict("operator", (*reasons, basis))


def _be(countries: Sequence[str]) -> str:
    return f"{listed(countries)} {'is' if len(countries) == 1 else 'are'}"


def listed(words: Sequence[str]) -> str:
    """Words for a sentence; of many, the first and how many more."""
    if len(words) <= _SHOWN_COUNTRIES:
        return ", ".join(words)
    return f"{', '.join(words[: _SHOWN_COUNTRIES - 1])} and {len(words) - _SHOWN_COUNTRIES + 1} more"


def one_country(attribution: Attribution) -> str:
    """Return the one country (ISO 3166-1 alpha-2) of a region, a group, an entry, or of data at rest.

    No certainty stands beside it. So it is "unknown" where evidence as strong speaks against it, or only a
    resolver's name speaks for it, and where no more is known than where the operator says or sits.
    """
    if attribution.scope == "global":
        return "global"
    unsure = is_contradicted(attribution) or is_hint(attribution)
    if attribution.scope == "unknown" or not attribution.countries or unsure:
        return "unknown"
    return attribution.countries[0] if len(attribution.countries) == 1 else "several"
