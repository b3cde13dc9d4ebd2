"""Sovereign latency: what it costs in time to stay in the regions that were promised."""

from grafana.board import Board
from grafana.colours import BLUE, GREEN, ORANGE, steps
from grafana.layout import Section, band, even
from grafana.links import DETAIL, LATENCY, of_row, to_board
from grafana.panels import About, Drawn, draw, graph, linked, number, signed, words
from grafana.queries import figure, grown, lines, measured, quantile, rate, rows, sensed, total
from grafana.tables import Column, listing
from grafana.variables import SENSOR, TENANT, TIMED_PROVIDER, sovereign, unseen

RTT, FIRST_BYTE = "residency_handshake_rtt_seconds", "residency_first_byte_seconds"
PROVIDER = 'provider=~"$provider"'
WITHIN = 'dst_region=~"$sovereign"'
BEYOND = 'dst_region!~"$sovereign|unknown|several|other"'
UNTIMED = "no connection with times"
ONE_SIDE = "no times of both"
PLACE = ("provider", "dst_region")
TIMES = """
**Round trip**: from the client's first packet to the server's answer to it. **First byte**: from the client's
first byte to the server's first after it. Under TLS these are the hellos: it says how soon the server greets,
**not how long a model takes to answer**, which encryption hides. Of QUIC both are the same time.
"""
HELLO = "under TLS this is the server's hello, not a model's answer."
SEEN_FROM = "Seen at the sensor: what lies between clients and it is not in the figure."


def board() -> Board:
    """Return the board."""
    return Board(
        LATENCY,
        "Sovereign latency",
        "Round trip of the handshake and time to the server's first byte, by provider and region, and how "
        "much longer they are in the regions that were promised. Under TLS the first byte answers the "
        "hello: it is not the time that a model takes.",
        (SENSOR, unseen(TENANT), TIMED_PROVIDER, sovereign()),
        (
            Section(
                "",
                (
                    band(4, (words("What these times are", TIMES), 24)),
                    even(4, *_figures()),
                    even(9, _premium(RTT, "round trip"), _premium(FIRST_BYTE, "first byte")),
                ),
            ),
            Section(
                "By provider and region",
                (even(9, _median(RTT, "Round trip"), _median(FIRST_BYTE, "First byte")),),
            ),
            Section("In the time shown", (band(11, (_table(), 24)),)),
        ),
    )


def _times(metric: str, *more: str) -> str:
    return sensed(f"{metric}_bucket", PROVIDER, *more)


def _of(metric: str) -> str:
    """Return what has to be known of a time: where it was taken, and what it answers."""
    return f"{SEEN_FROM} First byte: {HELLO}" if metric == FIRST_BYTE else SEEN_FROM


def _figures() -> tuple[Drawn, ...]:
    return (*_pair(RTT, "Round trip"), *_pair(FIRST_BYTE, "First byte"))


def _pair(metric: str, title: str) -> tuple[Drawn, Drawn]:
    """Return the median of the sovereign regions, and what it is above that of the others."""
    within = measured(quantile(0.5, grown(_times(metric, WITHIN))))
    beyond = measured(quantile(0.5, grown(_times(metric, BEYOND))))
    return (
        draw(
            number(decimals=1),
            About(f"{title}, sovereign", f"Median in the sovereign regions. {_of(metric)}", "s", UNTIMED),
            figure(within, "median", must=True),
        ),
        draw(
            number(steps(GREEN, (0.05, ORANGE)), 1),
            About(
                f"{title}, premium",
                f"That median less the median of all other regions. {_of(metric)}",
                "s",
                ONE_SIDE,
            ),
            figure(f"{within} - {beyond}", "premium"),
        ),
    )


def _premium(metric: str, what: str) -> Drawn:
    within = measured(quantile(0.5, rate(_times(metric, WITHIN)), "provider"))
    beyond = measured(quantile(0.5, rate(_times(metric, BEYOND)), "provider"))
    return draw(
        signed("mean", "min", "max"),
        About(
            f"Premium, {what}",
            "Median of the sovereign regions less that of the provider's others. Below 0 they are "
            f"faster. {_of(metric)}",
            "s",
            ONE_SIDE,
        ),
        lines(f"{within} - {beyond}", "{{provider}}"),
    )


def _median(metric: str, title: str) -> Drawn:
    return draw(
        graph("mean", "max"),
        About(
            f"{title}, median and p90",
            f"Of the connections that ended, by provider and region. {_of(metric)}",
            "s",
            UNTIMED,
        ),
        lines(measured(quantile(0.5, rate(_times(metric)), *PLACE)), "p50 {{provider}}, {{dst_region}}"),
        lines(measured(quantile(0.9, rate(_times(metric)), *PLACE)), "p90 {{provider}}, {{dst_region}}"),
    )


def _table() -> Drawn:
    median = quantile(0.5, grown(_times(RTT)), *PLACE)
    fastest = f"min by (provider) ({median} > 0)"
    first_byte = grown(_times(FIRST_BYTE))
    return linked(
        draw(
            listing(
                PLACE,
                Column("connections", "none"),
                Column("round trip p50", "s", 1),
                Column("round trip p90", "s", 1),
                Column("times the fastest", "none", 2, steps(BLUE, (2, ORANGE))),
                Column("first byte p50", "s", 1),
                Column("first byte p90", "s", 1),
                by="times the fastest",
            ),
            About(
                "Times, by provider and region",
                "Of the connections that ended in the time shown; few connections make a poor median. "
                "Times the fastest: the median round trip, of that of the provider's fastest region. First "
                f"byte: {HELLO}",
                "s",
                UNTIMED,
            ),
            rows(total(grown(sensed(f"{RTT}_count", PROVIDER)), *PLACE), must=True),
            rows(median, must=True),
            rows(quantile(0.9, grown(_times(RTT)), *PLACE), must=True),
            rows(f"{median} / on (provider) group_left () {fastest}", must=True),
            rows(quantile(0.5, first_byte, *PLACE), must=True),
            rows(quantile(0.9, first_byte, *PLACE), must=True),
        ),
        to_board("Detail of it", DETAIL, provider=of_row("provider"), dst_region=of_row("dst_region")),
    )
