"""Sensor health: whether what the other boards say can be trusted, and where packets or time were lost."""

from grafana.board import Board
from grafana.boards import sensor_loaded, sensor_verdicts
from grafana.colours import GREEN, ORANGE, RED, painted, steps, words
from grafana.layout import Section, band, even
from grafana.links import SENSORS
from grafana.panels import About, Drawn, draw, graph, number, stacked, states
from grafana.queries import figure, grown, lines, rate, sensed, share, total
from grafana.variables import SENSOR, TENANT, unseen

LOST = "residency_lost_packets_total"
UNREAD = 'reason=~"interface|ring"'  # the stages whose losses were never read
SILENT_SECONDS = (60, 300)
STAGES = {"interface": "dark-red", "ring": RED, "table": ORANGE, "fragment": "yellow", "snaplen": "purple"}
CAPTURING = f"max by (sensor) ({sensed('residency_capturing')})"
HEARD = f"max by (sensor) (last_over_time({sensed('residency_capturing')}[$__range]))"
FLOWS, LIMIT = "residency_flow_table_flows", "residency_flow_table_limit_flows"


def board() -> Board:
    """Return the board."""
    return Board(
        SENSORS,
        "Sensor health",
        "Whether sensors capture, keep up and judge in time, and what they have loaded. What a sensor "
        "lost, no other board can show.",
        (SENSOR, unseen(TENANT)),
        (
            Section("", (even(4, *_figures()), band(6, (_capturing(), 24)))),
            Section(
                "Packets",
                (even(8, _read(), _bytes_read(), _lost()), even(8, _undecoded(), _events(), _tables())),
            ),
            sensor_verdicts.section(),
            sensor_loaded.section(),
            sensor_loaded.process(),
        ),
        "now-6h",
    )


def _figures() -> tuple[Drawn, ...]:
    lost = total(grown(sensed(LOST)))
    whole = f"({total(grown(sensed('residency_packets_total')))} + {total(grown(sensed(LOST, UNREAD)))})"
    last = sensed("residency_last_packet_timestamp_seconds")
    return (
        draw(
            number(steps(RED, (1, GREEN))).mappings(words({"0": ("no", RED), "1": ("yes", GREEN)})),
            About(
                "Capturing", "Whether all sensors heard in the time shown are heard and capture now.", "none"
            ),
            figure(f"min({CAPTURING} or 0 * {HEARD})", "capturing", must=True),
        ),
        draw(
            number(steps(GREEN, (SILENT_SECONDS[0], ORANGE), (SILENT_SECONDS[1], RED))),
            About(
                "Latest packet",
                "Time since the latest packet, of the sensor that waits longest.",
                "s",
                "no packet yet, or no sensor heard",
            ),
            figure(f"max(time() - ({last} > 0))", "since", must=True),
        ),
        draw(
            number(steps(GREEN, (0.0001, ORANGE), (0.01, RED)), 3),
            About(
                "Packets lost",
                "Share of packets in the time shown that were not wholly observed.",
                "percentunit",
            ),
            figure(share(lost, whole), "lost", must=True),
        ),
        draw(
            number(steps(GREEN, (0.8, ORANGE), (0.95, RED)), 1),
            About(
                "Flow table",
                "How full it is, of the fullest sensor. Beyond its limit flows are given up.",
                "percentunit",
            ),
            figure(f"max({share(sensed(FLOWS), sensed(LIMIT))})", "full"),
        ),
        *sensor_verdicts.figures(),
        *sensor_loaded.figures(),
    )


def _capturing() -> Drawn:
    said = words({"0": ("not heard", RED), "1": ("does not capture", ORANGE), "2": ("captures", GREEN)})
    return draw(
        states(said).thresholds(steps(RED, (1, ORANGE), (2, GREEN))),
        About(
            "Sensors",
            "Whether each sensor was heard, and captured. Red and orange are times without sight.",
            "none",
        ),
        lines(f"1 + {CAPTURING} or 0 * {HEARD}", "{{sensor}}", must=True),
    )


def _read() -> Drawn:
    return draw(
        graph("mean", "max"),
        About("Packets read", "Packets that sensors read.", "pps"),
        lines(total(rate(sensed("residency_packets_total")), "sensor"), "{{sensor}}", must=True),
    )


def _bytes_read() -> Drawn:
    return draw(
        graph("mean", "max"),
        About("Bytes read", "Bytes on the wire of the packets that sensors read.", "Bps"),
        lines(total(rate(sensed("residency_bytes_total")), "sensor"), "{{sensor}}", must=True),
    )


def _lost() -> Drawn:
    return draw(
        painted(stacked("mean", "max"), STAGES),
        About(
            "Packets lost, by stage",
            "Packets not wholly observed. Interface and ring: never read. Table, fragment, snaplen, "
            "decode: read in part.",
            "pps",
        ),
        lines(total(rate(sensed(LOST)), "reason"), "{{reason}}", must=True),
    )


def _undecoded() -> Drawn:
    return draw(
        stacked("mean", "max"),
        About(
            "Packets not decoded, by reason",
            "Packets read that no decoder took.",
            "pps",
            "none, or no sensor heard",
        ),
        lines(total(rate(sensed("residency_undecoded_packets_total")), "reason"), "{{reason}}"),
    )


def _events() -> Drawn:
    return draw(
        graph("mean", "max"),
        About(
            "Other events, by reason",
            "Malformed messages and bounds that were reached, among others.",
            "cps",
            "none, or no sensor heard",
        ),
        lines(total(rate(sensed("residency_sensor_events_total")), "reason"), "{{reason}}"),
    )


def _tables() -> Drawn:
    return draw(
        graph("lastNotNull", "max"),
        About(
            "Flow table and queue",
            "Flows followed and their limit; observations that wait to be judged.",
            "short",
        ),
        lines(total(sensed(FLOWS), "sensor"), "flows {{sensor}}", must=True),
        lines(total(sensed(LIMIT), "sensor"), "limit {{sensor}}", must=True),
        lines(total(sensed("residency_queue_observations"), "sensor"), "queue {{sensor}}", must=True),
    )
