"""Provider and region detail: who reaches what, with which outcome, and on how good evidence."""

from grafana.board import Board
from grafana.colours import CERTAINTIES, GREEN, ORANGE, OUTCOMES, RED, painted, steps
from grafana.layout import Section, band, even
from grafana.links import DETAIL, LATENCY, to_board
from grafana.panels import NOTHING_SEEN, About, Drawn, bars, draw, gauges, graph, linked, number
from grafana.queries import decided, figure, grown, lines, rate, rows, share, step, total
from grafana.tables import Column, beside, listing
from grafana.variables import PROVIDER, REGION, SENSOR, SOURCE_GROUP, TENANT

DECISIONS = "residency_decisions_total"
BYTES = "residency_decision_bytes_total"
UP, DOWN = 'reason="up"', 'reason="down"'
VIOLATION = 'outcome="violation"'
LATE_BYTES = "Bytes are counted when a connection ends: one that lived long shows all of them there."
LABELS = ("tenant", "source_group", "provider", "dst_region", "policy", "outcome", "severity", "certainty")


def board() -> Board:
    """Return the board."""
    return Board(
        DETAIL,
        "Provider and region detail",
        "LLM-related connections that ended: which source group, provider and region, the outcome, the "
        "certainty, and the bytes. A region is where the connection ended; inference may run elsewhere.",
        (SENSOR, TENANT, PROVIDER, REGION, SOURCE_GROUP),
        (
            Section("", (even(4, *_figures()), even(9, _outcomes(), _traffic()))),
            Section("Where and on what evidence", (even(9, _regions(), _certainty(), _groups()),)),
            Section("All of it", (band(12, (_table(), 24)),)),
        ),
    )


def _figures() -> tuple[Drawn, ...]:
    ended = total(grown(decided(DECISIONS)))
    outside = total(grown(decided(DECISIONS, VIOLATION)))
    unclear = total(grown(decided(DECISIONS, 'certainty="indeterminate"')))
    return (
        draw(
            number(),
            About(
                "Connections", "LLM-related connections that ended in the time shown.", "short", NOTHING_SEEN
            ),
            figure(ended, "connections", must=True),
        ),
        draw(
            number(steps(GREEN, (0.5, RED))),
            About("Outside policy", "Those whose last verdict was outside policy.", "none", NOTHING_SEEN),
            figure(beside(ended, outside), "outside policy", must=True),
        ),
        draw(
            number(steps(GREEN, (0.1, ORANGE)), 1),
            About(
                "Indeterminate evidence",
                "Share of them whose provider and place the evidence leaves open.",
                "percentunit",
                NOTHING_SEEN,
            ),
            figure(beside(ended, share(unclear, ended)), "indeterminate", must=True),
        ),
        draw(
            number(decimals=1),
            About("Bytes up", f"Bytes on the wire from clients. {LATE_BYTES}", "decbytes", NOTHING_SEEN),
            figure(total(grown(decided(BYTES, UP))), "up", must=True),
        ),
        draw(
            number(decimals=1),
            About("Bytes down", f"Bytes on the wire to clients. {LATE_BYTES}", "decbytes", NOTHING_SEEN),
            figure(total(grown(decided(BYTES, DOWN))), "down", must=True),
        ),
        draw(
            number(),
            About(
                "Source groups", "Source groups with such connections; no owner is one.", "none", NOTHING_SEEN
            ),
            figure(
                f"count({total(grown(decided(DECISIONS)), 'tenant', 'source_group')} > 0)",
                "groups",
                must=True,
            ),
        ),
    )


def _outcomes() -> Drawn:
    return draw(
        painted(bars(), OUTCOMES),
        About(
            "Connections, by outcome",
            "Connections that ended in each step, by their last verdict.",
            "none",
            NOTHING_SEEN,
        ),
        lines(total(step(decided(DECISIONS)), "outcome"), "{{outcome}}", must=True),
    )


def _traffic() -> Drawn:
    up, down = total(rate(decided(BYTES, UP))), total(rate(decided(BYTES, DOWN)))
    return draw(
        graph("mean", "max"),
        About("Traffic up and down", f"Bytes on the wire, both ways. {LATE_BYTES}", "Bps", NOTHING_SEEN),
        lines(up, "up", must=True),
        lines(down, "down", must=True),
    )


def _regions() -> Drawn:
    by_place = total(grown(decided(DECISIONS)), "provider", "dst_region")
    drawn = draw(
        gauges().decimals(0),
        About(
            "Connections, by provider and region",
            "Those that ended in the time shown, most first.",
            "none",
            NOTHING_SEEN,
        ),
        figure(f"sort_desc({by_place})", "{{provider}}, {{dst_region}}", must=True),
    )
    return linked(drawn, to_board("Times to these providers", LATENCY))


def _certainty() -> Drawn:
    return draw(
        painted(bars(), CERTAINTIES),
        About(
            "Connections, by certainty",
            "Observed: the provider documents the name or the range. Inferred: from aliases, DNS, or "
            "GeoIP of an address in one place. Indeterminate: the evidence fits several.",
            "none",
            NOTHING_SEEN,
        ),
        lines(total(step(decided(DECISIONS)), "certainty"), "{{certainty}}", must=True),
    )


def _groups() -> Drawn:
    return draw(
        bars(),
        About("Connections, by source group", "Connections that ended in each step.", "none", NOTHING_SEEN),
        lines(
            total(step(decided(DECISIONS)), "tenant", "source_group"),
            "{{tenant}}/{{source_group}}",
            must=True,
        ),
    )


def _table() -> Drawn:
    ended = total(grown(decided(DECISIONS)), *LABELS)
    return draw(
        listing(
            LABELS,
            Column("connections", "none"),
            Column("up", "decbytes", 1),
            Column("down", "decbytes", 1),
            by="connections",
        ),
        About(
            "Connections, by all that is known",
            "Connections that ended in the time shown. A region of a group, entry or global endpoint "
            "says where the connection ended, not where the work was done.",
            "none",
            NOTHING_SEEN,
        ),
        rows(ended, must=True),
        rows(beside(ended, total(grown(decided(BYTES, UP)), *LABELS)), must=True),
        rows(beside(ended, total(grown(decided(BYTES, DOWN)), *LABELS)), must=True),
    )
