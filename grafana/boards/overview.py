"""Residency overview: is anything outside policy, what is to be done by when, and how much could be seen."""

from grafana.board import Board
from grafana.boards import overview_findings, overview_places, overview_seen
from grafana.colours import GREEN, ORANGE, OUTCOMES, RED, painted, steps
from grafana.layout import Section, band, even
from grafana.links import DETAIL, OVERVIEW, SENSORS, of_series, to_board
from grafana.panels import About, Drawn, bars, draw, linked, number
from grafana.queries import figure, grown, lines, owned, sensed, share, step, total
from grafana.variables import SENSOR, TENANT

UNSETTLED = 'reason=~"open|acknowledged|curing|lapsed"'


def board() -> Board:
    """Return the board."""
    return Board(
        OVERVIEW,
        "Residency overview",
        "Connections to LLM providers that ended outside policy, findings and deadlines, where "
        "connections ended, and how much of the traffic could be named. It shows where connections end, "
        "not where inference runs.",
        (SENSOR, TENANT),
        (
            Section("", (band(4, *[(each, 3) for each in _figures()]), even(8, *_over_time()))),
            overview_findings.section(),
            overview_places.section(),
            overview_seen.section(),
        ),
    )


def _figures() -> tuple[Drawn, ...]:
    opened = total(owned("residency_violations_open"))
    violations = total(grown(owned("residency_verdicts_total", 'outcome="violation"')))
    return (
        linked(
            draw(
                number(steps(GREEN, (1, RED))),
                About("Outside policy now", "Connections outside policy that have not ended.", "none"),
                figure(opened, "open", must=True),
            ),
            to_board("Provider and region detail", DETAIL),
        ),
        draw(
            number(steps(GREEN, (0.5, RED))),
            About("New outside policy", "Verdicts outside policy in the time shown.", "none"),
            figure(violations, "new", must=True),
        ),
        draw(
            number(steps(GREEN, (1, ORANGE))),
            About("Findings not settled", "Findings that are open, acknowledged, curing or lapsed.", "none"),
            figure(total(owned("residency_findings", UNSETTLED)), "findings", must=True),
        ),
        overview_findings.next_deadline(),
        _unclear(),
        *overview_seen.figures(),
        linked(_silent(), to_board("Sensor health", SENSORS)),
    )


def _unclear() -> Drawn:
    judged = "residency_verdicts_total"
    unclear = total(grown(owned(judged, 'outcome="indeterminate"')))
    whole = total(grown(owned(judged, 'outcome!="unassigned"')))
    return draw(
        number(steps(GREEN, (0.1, ORANGE)), 1),
        About(
            "Indeterminate",
            "Share of verdicts on owned clients that the evidence did not allow to decide, in the time "
            "shown.",
            "percentunit",
            "no verdict",
        ),
        figure(share(unclear, whole), "indeterminate", must=True),
    )


def _silent() -> Drawn:
    capturing = sensed("residency_capturing")
    known = f"count(max by (sensor) (last_over_time({capturing}[$__range])))"
    return draw(
        number(steps(GREEN, (1, RED))),
        About(
            "Sensors not capturing",
            "Sensors heard in the time shown that do not capture now, or are not heard. They see nothing.",
            "none",
        ),
        figure(f"{known} - (sum(max by (sensor) ({capturing})) or vector(0))", "sensors", must=True),
    )


def _over_time() -> tuple[Drawn, Drawn]:
    verdicts = "residency_verdicts_total"
    by_rule = total(
        step(owned(verdicts, 'outcome="violation"')), "tenant", "source_group", "policy", "severity"
    )
    link = to_board("Detail of this source group", DETAIL, source_group=of_series("source_group"))
    return (
        linked(
            draw(
                bars(),
                About(
                    "New outside policy, by rule",
                    "Verdicts outside policy in each step, by rule and source group. A connection whose "
                    "verdict changes is counted again.",
                    "none",
                ),
                lines(by_rule, "{{policy}} ({{severity}}) {{tenant}}/{{source_group}}", must=True),
            ),
            link,
        ),
        draw(
            painted(bars(), OUTCOMES),
            About(
                "Verdicts, by outcome",
                "Verdicts on LLM-related connections in each step, by outcome.",
                "none",
            ),
            lines(total(step(owned(verdicts)), "outcome"), "{{outcome}}", must=True),
        ),
    )
