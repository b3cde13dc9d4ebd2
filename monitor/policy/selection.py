"""Which flows the ``when`` of a rule selects: yes, no, or maybe.

Maybe is an answer of its own: the flow's provider is one of several, its service is not known, or only some
of its countries lie in the jurisdictions asked for. Place and region select by evidence alone: a flow whose
place is not known is not selected by place.
"""

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from typing import Literal

from monitor.policy.places import Territory, is_hint, region_of
from monitor.policy.schema import When
from monitor.types import Attribution, Subject

Selects = Literal["yes", "maybe", "no"]


class Selector:
    """A ``when``, ready to be asked."""

    def __init__(self, when: When, territory: Callable[[Sequence[str]], Territory]) -> None:
        self.when = when
        self._providers = _words(when.providers)
        self._scopes = _words(when.scopes)
        self._regions = _words(when.regions)
        self.territory = territory(when.jurisdictions) if when.jurisdictions else None

    def owns(self, subject: Subject) -> bool:
        """Whether the flows of a subject can be selected at all."""
        return owns(self.when, subject)

    def selects(self, attribution: Attribution, day: dt.date) -> Selects:
        """Whether the endpoint is selected, whoever the client is."""
        answers = (
            self._provider(attribution),
            self._service(attribution),
            _one_of(self._scopes, attribution.scope),
            _one_of(self._regions, region_of(attribution)),
            self._place(attribution, day),
        )
        if "no" in answers:
            return "no"
        return "maybe" if "maybe" in answers else "yes"

    def covers(self, other: "Selector", subjects: Collection[Subject], day: dt.date) -> bool:
        """Whether every endpoint that ``other`` selects for the subjects on a day is selected here too."""
        mine, theirs = self.when, other.when
        pairs = (
            (mine.providers, theirs.providers),
            (mine.scopes, theirs.scopes),
            (mine.regions, theirs.regions),
        )
        return (
            all(self.owns(subject) for subject in subjects if other.owns(subject))
            and all(
                wide is None or (narrow is not None and set(narrow) <= set(wide)) for wide, narrow in pairs
            )
            and _services_cover(mine.services, theirs.services)
            and self._places_cover(other, day)
        )

    def _places_cover(self, other: "Selector", day: dt.date) -> bool:
        """By members: a flow is selected, or may be, when one of its countries is, or may be, in the set."""
        if self.territory is None or other.territory is None:
            return self.territory is None
        wide, narrow = self.territory.on(day), other.territory.on(day)
        return {*wide.countries, *wide.partial} >= {*narrow.countries, *narrow.partial}

    def _provider(self, attribution: Attribution) -> Selects:
        if attribution.provider is None and self._providers is not None:
            return "no" if self._providers.isdisjoint(attribution.possible) else "maybe"
        selected = _one_of(self._providers, attribution.provider)
        return (
            "maybe"
            if self._providers is not None and selected == "yes" and is_hint(attribution)
            else selected
        )

    def _service(self, attribution: Attribution) -> Selects:
        if self.when.services is None:
            return "yes"
        service = attribution.service
        if service is None:
            return "maybe"
        return "yes" if any(is_service(words, service) for words in self.when.services) else "no"

    def _place(self, attribution: Attribution, day: dt.date) -> Selects:
        if self.territory is None:
            return "yes"
        bounds = self.territory.on(day)
        inside = sum(each in bounds.countries for each in attribution.countries)
        near = inside + sum(each in bounds.partial for each in attribution.countries)
        if not near:
            return "no"
        return "yes" if inside == len(attribution.countries) else "maybe"


def owns(when: When, subject: Subject) -> bool:
    """Whether a ``when`` allows a subject."""
    wanted = (
        (when.tenants, subject.tenant),
        (when.source_groups, subject.source_group),
        (when.data_classes, subject.data_class),
    )
    return all(names is None or name in names for names, name in wanted)


def is_service(words: str, service: str) -> bool:
    """Whether ``words`` mean a service: its name in the catalogue, or the first words of it."""
    return service == words or service.startswith((f"{words} ", f"{words},"))


def _services_cover(wide: Sequence[str] | None, narrow: Sequence[str] | None) -> bool:
    """Whether all services that ``narrow`` means are among those that ``wide`` means; null means all."""
    if wide is None or narrow is None:
        return wide is None
    return all(any(is_service(words, service) for words in wide) for service in narrow)


def _words(words: Sequence[str] | None) -> frozenset[str] | None:
    return None if words is None else frozenset(words)


def _one_of(wanted: frozenset[str] | None, value: str | None) -> Selects:
    return "yes" if wanted is None or value in wanted else "no"
