"""Sets of countries that policies name: the EU, the EEA, dated adequacy decisions, single ISO 3166 codes.

The sets come from a data file in which every part has a source; here they are only checked and looked up.
Membership depends on a day, and that day is always an argument.
"""

import datetime as dt
import difflib
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from monitor import documents

_ALWAYS = (dt.date.min, dt.date.max)


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Countries that are in a set for one reason, from ``since`` to ``until`` (both days included).

    ``partial`` says which organisations a decision is limited to; null where it covers the whole country.
    """

    countries: tuple[str, ...]
    verified: bool
    source: str | None = None  # null: the set's own source
    since: dt.date = _ALWAYS[0]
    until: dt.date = _ALWAYS[1]
    decision: str | None = None
    partial: str | None = None
    note: str | None = None


class _Set(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    include: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    source: str | None = None


class _Alias(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    write: str
    instead_of: str


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    as_of: dt.date
    countries: str
    sets: tuple[_Set, ...]
    aliases: tuple[_Alias, ...] = ()


class Jurisdictions:
    """The built-in sets, and the ISO 3166-1 alpha-2 codes, each of which is a set of one."""

    def __init__(
        self,
        countries: frozenset[str],
        sets: Mapping[str, tuple[Part, ...]],
        aliases: Mapping[str, str],
        as_of: dt.date,
    ) -> None:
        self.countries = countries
        self.names = tuple(sets)
        self.as_of = as_of
        self._sets = dict(sets)
        self._aliases = dict(aliases)

    def members(self, code: str, on: dt.date | None = None) -> frozenset[str]:
        """The countries of a set on a day (default: the data file's own date); ``code`` may be a country.

        Countries whose decision covers only some organisations are among them, see ``partial``.
        Raises KeyError for a code that is neither a set nor a country.
        """
        return frozenset(country for part in self._parts(code, on) for country in part.countries)

    def partial(self, code: str, on: dt.date | None = None) -> dict[str, str]:
        """The countries that are in a set for some organisations only, and for which. Raises KeyError."""
        parts = tuple(self._parts(code, on))
        whole = {country for part in parts if part.partial is None for country in part.countries}
        return {
            country: f"{part.partial} ({part.decision})" if part.decision else part.partial
            for part in parts
            if part.partial is not None
            for country in part.countries
            if country not in whole
        }

    def is_dated(self, code: str) -> bool:
        """Whether the members of a set depend on the day. Raises KeyError."""
        parts = self._sets.get(code) or tuple(self._parts(code, None))
        return any((part.since, part.until) != _ALWAYS for part in parts)

    def mend(self, code: str, others: Sequence[str] = ()) -> str:
        """What to write instead of an unknown code. ``others`` are further names that would be known."""
        upper = code.upper()
        if upper in self._aliases:
            return f"did you mean {self._aliases[upper]!r}?"
        names = (*others, *self.names)
        if upper in names or upper in self.countries:
            return f"did you mean {upper!r}?"
        close = difflib.get_close_matches(code, names, 1) or difflib.get_close_matches(upper, names, 1)
        if close:
            return f"did you mean {close[0]!r}?"
        return f"use a country's ISO 3166-1 code or one of: {', '.join(names)}"

    def _parts(self, code: str, on: dt.date | None) -> Iterator[Part]:
        day = on or self.as_of
        if code in self._sets:
            return (part for part in self._sets[code] if part.since <= day <= part.until)
        if code in self.countries:
            return iter((Part((code,), verified=True, source="ISO 3166-1"),))
        raise KeyError(code)


def compile_jurisdictions(source: documents.Source) -> Jurisdictions:
    """The jurisdictions of a data file. Raises DocumentError."""
    document = documents.decode(source, _Document)
    countries = frozenset(document.countries.split())
    problems: list[documents.Problem] = []
    sets: dict[str, tuple[Part, ...]] = {}
    for at, row in enumerate(document.sets):
        problems += _check(source, at, row, countries, sets)
        included = tuple(part for name in row.include for part in sets.get(name, ()))
        sets[row.name] = included + row.parts
    if problems:
        raise documents.DocumentError(problems)
    aliases = {alias.instead_of: alias.write for alias in document.aliases}
    return Jurisdictions(countries, sets, aliases, document.as_of)


def _check(
    source: documents.Source,
    at: int,
    row: _Set,
    countries: frozenset[str],
    known: Mapping[str, tuple[Part, ...]],
) -> Iterator[documents.Problem]:
    def problem(path: Sequence[str | int], says: str, mend: str) -> documents.Problem:
        return documents.problem_at(source, ("sets", at, *path), says, mend)

    if row.name in known or row.name in countries:
        yield problem(["name"], f"set {row.name!r} stands twice", "give it another name")
    for index, name in enumerate(row.include):
        if name not in known:
            yield problem(["include", index], f"unknown set {name!r}", "define it above this one")
    for index, part in enumerate(row.parts):
        for place, country in enumerate(part.countries):
            if country not in countries:
                path = ("parts", index, "countries", place)
                yield problem(path, f"unknown country {country!r}", "use a code of `countries`")
        if part.source is None and row.source is None:
            yield problem(["parts", index], "a part without source", "add `source:` to it or to its set")
