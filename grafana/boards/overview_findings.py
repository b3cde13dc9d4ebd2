"""Of the overview: what is to be dealt with, and by when."""

from grafana.colours import BLUE, GREEN, ORANGE, RED, steps
from grafana.layout import Section, band
from grafana.links import DETAIL, of_row, to_board
from grafana.panels import About, Drawn, draw, gauges, linked, number
from grafana.queries import figure, owned, rows, sensed, total
from grafana.tables import Column, listing

DAY_SECONDS = 86_400
WEEK_SECONDS = 7 * DAY_SECONDS
RULED = ("severity", "policy", "tenant", "source_group")
LEFT = "time left"
OPEN = "open"


def next_deadline() -> Drawn:
    """Return how long there is until the next deadline."""
    return draw(
        number(steps(RED, (0, ORANGE), (DAY_SECONDS, GREEN)), 1),
        About(
            "Next cure deadline",
            "Time until the finding whose turn is next has to be cured; red, and how long ago, where the "
            "deadline of one passed. All stand below.",
            "dtdurations",
            "none runs, or no sensor heard",
        ),
        figure(f"min({_left()})", "time left"),
    )


def section() -> Section:
    """Return the row."""
    return Section(
        "Findings",
        (band(7, (_by_state(), 8), (_open(), 16)), band(7, (_exceptions(), 8), (_deadlines(), 16))),
    )


def _by_state() -> Drawn:
    return draw(
        gauges().thresholds(steps(BLUE)).decimals(0),
        About(
            "Findings, by severity and state", "All findings that are kept, settled ones among them.", "none"
        ),
        figure(
            total(owned("residency_findings"), "severity", "reason"), "{{severity}}, {{reason}}", must=True
        ),
    )


def _open() -> Drawn:
    opened = total(owned("residency_violations_open"), *RULED)
    return linked(
        draw(
            listing(RULED, Column(OPEN, "none", 0, steps(RED)), by=OPEN),
            About(
                "Open outside policy, by rule",
                "Connections outside policy that have not ended, by rule and source group.",
                "none",
                "none open, or no sensor heard",
            ),
            rows(f"{opened} > 0"),
        ),
        to_board("Detail of this source group", DETAIL, source_group=of_row("source_group")),
    )


def _deadlines() -> Drawn:
    thresholds = steps(RED, (0, ORANGE), (DAY_SECONDS, BLUE))
    return linked(
        draw(
            listing(RULED, Column(LEFT, "dtdurations", 1, thresholds), by=LEFT, ascending=True),
            About(
                "Deadlines",
                "Until when the finding whose turn is next has to be cured, by rule and source group.",
                "dtdurations",
                "no deadline runs, or no sensor heard",
            ),
            rows(f"min by ({', '.join(RULED)}) ({_left()})"),
        ),
        to_board("Detail of this source group", DETAIL, source_group=of_row("source_group")),
    )


def _exceptions() -> Drawn:
    ends = "min by (policy) (" + sensed("residency_exception_expiry_timestamp_seconds") + ")"
    thresholds = steps(RED, (0, ORANGE), (WEEK_SECONDS, BLUE))
    return draw(
        listing(("policy",), Column(LEFT, "dtdurations", 1, thresholds), by=LEFT, ascending=True),
        About(
            "Exceptions",
            "Time until exceptions end, by the policy of the sensor where they end first. After that, what "
            "they excepted is judged by its rule again.",
            "dtdurations",
            "no exception, or no sensor heard",
        ),
        rows(f"{ends} - time()"),
    )


def _left() -> str:
    return f"{owned('residency_finding_deadline_timestamp_seconds')} - time()"
