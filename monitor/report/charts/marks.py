"""Sorts destinations into marks: the countries that a map shows, and the places that are on no map. Pure."""

from collections.abc import Sequence

import msgspec

from monitor.report.charts.judged import SIGNS, counted, in_words, judgement
from monitor.report.charts.places import one_country, place_in_full, short_place
from monitor.report.charts.types import Atlas
from monitor.report.types import JUDGEMENTS, Judgement
from monitor.tally import Destination
from monitor.wording import plural

MOST_MARKS = 60  # countries with a circle; the others are listed together
MOST_LISTED = 8  # places that are no country
MOST_TOLD = 6  # places in a title


class Mark(msgspec.Struct, frozen=True):
    """A country, or another place, with its destinations: at least one, and none without connections."""

    code: str
    rows: tuple[Destination, ...]

    def flows(self) -> int:
        """All connections."""
        return sum(row.count.flows for row in self.rows)

    def pinned(self) -> int:
        """Connections to endpoints whose processing is pinned there."""
        return sum(row.count.flows for row in self.rows if row.key.scope in ("region", "group"))

    def counts(self) -> dict[Judgement, int]:
        """Connections by judgement."""
        return counted(self.rows)

    def worst(self) -> Judgement:
        """The worst judgement."""
        return min((judgement(row) for row in self.rows), key=JUDGEMENTS.index)

    def words(self) -> str:
        """What a label says: the connections, and of these the worst, where they have a sign."""
        worst = self.worst()
        sign = f" {SIGNS[worst]}{self.counts()[worst]:,}" if worst in SIGNS else ""
        return f"{self.code} {self.flows():,}{sign}"

    def tells(self, name: str) -> str:
        """What is known of it, for who points at it."""
        scopes: dict[str, int] = {}
        for row in self.rows:
            place = place_in_full(row.key)
            scopes[place] = scopes.get(place, 0) + row.count.flows
        ranked = sorted(scopes.items(), key=lambda each: (-each[1], each[0]))[:MOST_TOLD]
        places = "; ".join(f"{count:,} {place}" for place, count in ranked)
        more = "; and others" if len(scopes) > MOST_TOLD else ""
        return f"{name}: {plural(self.flows(), 'connection')}: {in_words(self.counts())}. {places}{more}"


class Marks(msgspec.Struct, frozen=True):
    """What goes on the map, and what cannot, worst and largest first."""

    countries: tuple[Mark, ...]
    others: tuple[Mark, ...]


def sorted_out(rows: Sequence[Destination], atlas: Atlas) -> Marks:
    """Return the marks of the destinations; what a map has no room for is listed with the other places."""
    places: dict[tuple[bool, str], list[Destination]] = {}
    for row in rows:
        country = one_country(row.key)
        placed = country is not None and country in atlas.points
        places.setdefault((placed, country if placed and country else short_place(row.key)), []).append(row)
    marks = [Mark(code, tuple(each)) for (placed, code), each in places.items() if placed]
    others = [Mark(code, tuple(each)) for (placed, code), each in places.items() if not placed]
    marks, more = _most(marks, MOST_MARKS, "countries with fewer connections")
    others, fewer = _most([*others, *more], MOST_LISTED, "other places")
    return Marks(tuple(marks), (*others, *fewer))


def _most(marks: list[Mark], most: int, called: str) -> tuple[list[Mark], list[Mark]]:
    """Return the marks, worst and largest first, and those beyond the most in one."""
    ranked = sorted(marks, key=lambda mark: (JUDGEMENTS.index(mark.worst()), -mark.flows(), mark.code))
    rest = ranked[most:]
    if not rest:
        return ranked, []
    folded = Mark(f"{len(rest):,} {called}", tuple(row for mark in rest for row in mark.rows))
    return ranked[:most], [folded]


def only_group(rows: Sequence[Destination]) -> Mark | None:
    """Return the group of countries that is hatched: where there is exactly one."""
    grouped = [row for row in rows if row.key.scope == "group" and len(row.key.countries) > 1]
    if len({(row.key.region, row.key.countries) for row in grouped}) != 1:
        return None
    return Mark(short_place(grouped[0].key), tuple(grouped))
