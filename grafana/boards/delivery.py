"""Alert delivery and ledger: whether what was found reaches people, and whether it is recorded."""

from grafana.board import Board
from grafana.colours import GREEN, ORANGE, RED, steps, words
from grafana.layout import Section, band, even
from grafana.links import DELIVERY
from grafana.panels import About, Drawn, bars, draw, graph, number, states
from grafana.queries import figure, grown, lines, owned, sensed, step, total
from grafana.variables import SENSOR, TENANT

NO_SINK = "no sink, or no sensor heard"
HOUR_SECONDS = 3_600
WAITED_SECONDS = (300, HOUR_SECONDS)
# As ResidencyCheckpointOld asks: before the first checkpoint it counts from the start.
SIGNED = (
    f"(({sensed('residency_ledger_checkpoint_timestamp_seconds')} > 0) "
    f"or {sensed('residency_start_timestamp_seconds')})"
)
SIGNED_SAYS = "Time since the ledger was last signed; before the first time, since the sensor's start."
UNWRITTEN = sensed("residency_unwritten_decisions_total")
OLDEST, DEAD = sensed("residency_sink_oldest_seconds"), sensed("residency_sink_dead_events")
SINK = "{{sensor}}: {{sink}}"


def board() -> Board:
    """Return the board."""
    return Board(
        DELIVERY,
        "Alert delivery and ledger",
        "What waits for each sink and what no sink took; what the ledger records, and when it was last "
        "signed.",
        (SENSOR, TENANT),
        (
            Section("", (even(4, *_of_delivery(), *_of_ledger()),)),
            Section("Delivery", (band(5, (_sinks(), 24)), even(8, _waiting(), _oldest(), _put_aside()))),
            Section("Findings and ledger", (even(9, _changes(), _entries(), _checkpoint()),)),
        ),
        "now-6h",
    )


def _of_delivery() -> tuple[Drawn, ...]:
    failing = total(sensed("residency_sink_failing"))
    return (
        draw(
            number(steps(GREEN, (1, RED))),
            About("Sinks failing", "Sinks that did not take what they were given last.", "none", NO_SINK),
            figure(failing, "failing"),
        ),
        draw(
            number(steps(GREEN, (WAITED_SECONDS[0], ORANGE), (WAITED_SECONDS[1], RED))),
            About(
                "Longest wait", "How long the oldest event that waits for a sink has waited.", "s", NO_SINK
            ),
            figure(f"max({OLDEST})", "oldest"),
        ),
        draw(
            number(steps(GREEN, (1, RED))),
            About(
                "Put aside", "Events that a sink never took: a person has to look at them.", "none", NO_SINK
            ),
            figure(total(DEAD), "dead"),
        ),
    )


def _of_ledger() -> tuple[Drawn, ...]:
    return (
        draw(
            number(steps(GREEN, (0.5, ORANGE))),
            About(
                "Folded",
                "Events in the time shown that there was no room for, folded into summaries.",
                "none",
            ),
            figure(total(grown(sensed("residency_outbox_folded_total"))), "folded", must=True),
        ),
        draw(
            number(steps(GREEN, (0.5, RED))),
            About(
                "Not recorded", "Decisions in the time shown that could not be written to the ledger.", "none"
            ),
            figure(total(grown(UNWRITTEN)), "unwritten", must=True),
        ),
        draw(
            number(steps(GREEN, (HOUR_SECONDS // 2, ORANGE), (24 * HOUR_SECONDS, RED)), 1),
            About("Checkpoint age", SIGNED_SAYS, "dtdurations"),
            figure(f"max(time() - {SIGNED})", "age", must=True),
        ),
    )


def _sinks() -> Drawn:
    said = words({"0": ("takes what it is given", GREEN), "1": ("fails", RED)})
    return draw(
        states(said).thresholds(steps(GREEN, (1, RED))),
        About("Sinks", "Whether each sink took what it was given last.", "none", NO_SINK),
        lines(f"max by (sensor, sink) ({sensed('residency_sink_failing')})", SINK),
    )


def _waiting() -> Drawn:
    return draw(
        graph("lastNotNull", "max").decimals(0),
        About("Events that wait", "Events that each sink has yet to take.", "short", NO_SINK),
        lines(total(sensed("residency_sink_waiting_events"), "sensor", "sink"), SINK),
    )


def _oldest() -> Drawn:
    return draw(
        graph("lastNotNull", "max"),
        About("Age of the oldest", "How long the oldest event has waited for each sink.", "s", NO_SINK),
        lines(f"max by (sensor, sink) ({OLDEST})", SINK),
    )


def _put_aside() -> Drawn:
    return draw(
        graph("lastNotNull", "max").decimals(0),
        About("Events put aside", "Events that each sink never took.", "none", NO_SINK),
        lines(total(DEAD, "sensor", "sink"), SINK),
    )


def _changes() -> Drawn:
    changes = total(step(owned("residency_finding_changes_total")), "reason", "severity")
    return draw(
        bars(),
        About(
            "Changes of findings",
            "Changes that were queued for the sinks in each step, by kind and severity.",
            "none",
        ),
        lines(changes, "{{reason}}, {{severity}}", must=True),
    )


def _entries() -> Drawn:
    return draw(
        bars(),
        About(
            "Ledger entries, by class",
            "Entries that the ledgers took in each step, and decisions that could not be written.",
            "none",
        ),
        lines(total(step(sensed("residency_ledger_entries_total")), "reason"), "{{reason}}", must=True),
        lines(total(step(UNWRITTEN)), "not recorded", must=True),
    )


def _checkpoint() -> Drawn:
    return draw(
        graph("lastNotNull", "max"),
        About("Checkpoint age, by sensor", SIGNED_SAYS, "s"),
        lines(f"time() - max by (sensor) {SIGNED}", "{{sensor}}", must=True),
    )
