"""Of the overview: how much of the traffic could be named. Every zero is read beside it."""

from grafana.colours import CLASSES, GREEN, ORANGE, RED, painted, steps
from grafana.layout import Section, even
from grafana.panels import About, Drawn, bars, draw, graph, number, stacked
from grafana.queries import figure, grown, lines, owned, rate, share, step, total

ENDED = "residency_connections_total"
NAMED = 'reason=~"sni|dns"'
HIDDEN = 'reason=~"concealed|concealing"'
NO_TRAFFIC = "no connection"


def figures() -> tuple[Drawn, Drawn]:
    """Return the shares that were named and concealed."""
    whole = total(grown(owned(ENDED)))
    return (
        draw(
            number(steps(RED, (0.7, ORANGE), (0.9, GREEN)), 1),
            About(
                "Named",
                "Coverage: share of all connections that ended in the time shown whose server could be "
                "named.",
                "percentunit",
                NO_TRAFFIC,
            ),
            figure(share(total(grown(owned(ENDED, NAMED))), whole), "named", must=True),
        ),
        draw(
            number(steps(GREEN, (0.02, ORANGE), (0.1, RED)), 1),
            About(
                "Concealed",
                "Share of all connections whose server name ECH hid, or that hide others: DoH, DoT, "
                "VPNs, relays.",
                "percentunit",
                NO_TRAFFIC,
            ),
            figure(share(total(grown(owned(ENDED, HIDDEN))), whole), "concealed", must=True),
        ),
    )


def section() -> Section:
    """Return the row."""
    named = total(rate(owned(ENDED, NAMED)), "tenant", "source_group")
    whole = total(rate(owned(ENDED)), "tenant", "source_group")
    by_group = draw(
        graph("mean", "min").max(1).decimals(1),
        About(
            "Named, by source group",
            "Share of connections that ended whose server could be named. No line: no connection ended.",
            "percentunit",
            NO_TRAFFIC,
        ),
        lines(share(named, whole), "{{tenant}}/{{source_group}}"),
    )
    by_class = draw(
        painted(stacked("mean"), CLASSES),
        About(
            "Connections, by coverage class",
            "All connections that ended, LLM or not, by how they were named.",
            "cps",
        ),
        lines(total(rate(owned(ENDED)), "reason"), "{{reason}}", must=True),
    )
    return Section("How much could be seen", (even(9, by_group, by_class, _concealing()),))


def _concealing() -> Drawn:
    return draw(
        bars(),
        About(
            "Concealed, by how",
            "Connections in each step that hide others, by kind, and hellos with ECH: offered, or "
            "grease, which looks the same and mostly hides nothing.",
            "none",
        ),
        lines(
            total(step(owned("residency_concealing_connections_total")), "reason"), "{{reason}}", must=True
        ),
        lines(total(step(owned("residency_ech_connections_total")), "reason"), "ECH {{reason}}", must=True),
        lines(
            total(step(owned("residency_unnamed_hosted_connections_total"))), "no name, LLM host", must=True
        ),
    )
