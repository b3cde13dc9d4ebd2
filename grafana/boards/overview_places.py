"""Of the overview: where connections ended, by country, provider and region, and what that can prove."""

from grafana import maps
from grafana.colours import BLUE, RED, steps
from grafana.layout import Section, band
from grafana.links import DETAIL, of_row, to_board
from grafana.panels import NOTHING_SEEN, About, Drawn, draw, gauges, linked, words
from grafana.queries import figure, grown, owned, rows, total
from grafana.tables import Column, beside, listing

PLACE = ("provider", "dst_region")
VIOLATION = 'outcome="violation"'
DESTINATIONS = "residency_destination_connections_total"
DECISIONS = "residency_decisions_total"
BYTES = "residency_decision_bytes_total"
COUNTRY = 'country=~"[A-Z]{2}"'
CONNECTIONS = "connections"

PROOF = """
Packets show where a connection **ends**, not where inference **runs**.

- **They can show** that a connection ended at an address or a name that a data set or the provider's own
  documents place in a region; when, how often, from which source group, and how many bytes went each way.
- **They cannot show** what was asked, what data was in it, or where a provider worked on it: an entry point
  may pass it on to another region. Regions that are entry points or global say so on the detail board.
- **What is not here was not necessarily absent.** Read every zero beside *Named* and *Concealed*: names
  hidden by ECH, and what went through encrypted DNS, VPNs or relays, are counted but not seen into.
- **"Outside policy"** means outside the rules that were loaded, and nothing beyond that.
"""


def section() -> Section:
    """Return the row."""
    return Section(
        "Where connections ended",
        (band(12, (_map(), 16), (words("What this can and cannot prove", PROOF), 8)), band(10, *_places())),
    )


def _map() -> Drawn:
    ended = total(grown(owned(DESTINATIONS, COUNTRY)), "country")
    outside = total(grown(owned(DESTINATIONS, COUNTRY, VIOLATION)), "country")
    return draw(
        maps.countries(),
        About(
            "Destinations, by country",
            "LLM-related connections that ended in the time shown, where the evidence places the end in "
            "one country. Red: some were outside policy. Ends that are global, in several countries or "
            "unknown have no marker.",
            "none",
            NOTHING_SEEN,
        ),
        rows(ended, must=True),
        rows(beside(ended, outside), must=True),
    )


def _places() -> tuple[tuple[Drawn, int], ...]:
    ended = total(grown(owned(DECISIONS)), *PLACE)
    by_place = linked(
        draw(
            listing(
                PLACE,
                Column(CONNECTIONS, "none"),
                Column(maps.OUTSIDE, "none", 0, steps("text", (0.5, RED))),
                Column("up", "decbytes", 1),
                Column("down", "decbytes", 1),
                by=maps.OUTSIDE,
            ),
            About(
                "Providers, by region",
                "LLM-related connections that ended in the time shown, with their bytes on the wire.",
                "none",
                NOTHING_SEEN,
            ),
            rows(ended, must=True),
            rows(beside(ended, total(grown(owned(DECISIONS, VIOLATION)), *PLACE)), must=True),
            rows(beside(ended, total(grown(owned(BYTES, 'reason="up"')), *PLACE)), must=True),
            rows(beside(ended, total(grown(owned(BYTES, 'reason="down"')), *PLACE)), must=True),
        ),
        to_board("Detail of it", DETAIL, provider=of_row("provider"), dst_region=of_row("dst_region")),
    )
    return (by_place, 16), (_countries(), 8)


def _countries() -> Drawn:
    ended = total(grown(owned(DESTINATIONS)), "country")
    return draw(
        gauges().thresholds(steps(BLUE)).decimals(0),
        About(
            "Connections, by country",
            "The same as the map, with those that the evidence places in no single country.",
            "none",
            NOTHING_SEEN,
        ),
        figure(f"sort_desc({ended})", "{{country}}", must=True),
    )
