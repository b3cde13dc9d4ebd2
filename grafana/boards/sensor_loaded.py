"""Of sensor health: what is loaded and how old it is, and what the process takes."""

from grafana.colours import GREEN, RED, painted, steps
from grafana.layout import Section, even
from grafana.panels import About, Drawn, bars, draw, graph, number
from grafana.queries import figure, lines, rows, sensed, step, total
from grafana.tables import Column, listing

DAY_SECONDS = 86_400
NO_DATASET = "no data set, or no sensor heard"
DATASETS = sensed("residency_dataset_timestamp_seconds")
# After so many days a data set is old, as ResidencyDataSetsStale has it: some sources publish seldom.
OLD_DAYS = {
    'reason!~"oracle|mmdb|dbip|cloudflare|anthropic"': 45,
    'reason=~"oracle|mmdb|dbip"': 75,
    'reason=~"cloudflare|anthropic"': 195,
}
AGE, LOADED = "age", "since the last load"


def figures() -> tuple[Drawn, Drawn]:
    """Return whether a reload failed, and how many data sets are old."""
    return (
        draw(
            number(steps(GREEN, (1, RED))),
            About(
                "Reload failed",
                "Sensors whose last reload failed, so that what was loaded before is still in use.",
                "none",
            ),
            figure(total(sensed("residency_reload_failed")), "failed", must=True),
        ),
        draw(
            number(steps(GREEN, (1, RED))),
            About(
                "Data sets that are old",
                "Data sets in use older than 45 days; than 75 of oracle, mmdb and dbip, than 195 of "
                "cloudflare and anthropic, which publish seldom.",
                "none",
                NO_DATASET,
            ),
            figure(f"count({_old()}) or 0 * count({DATASETS})", "old"),
        ),
    )


def _old() -> str:
    asked = [
        f"time() - {sensed('residency_dataset_timestamp_seconds', which)} > {days * DAY_SECONDS}"
        for which, days in OLD_DAYS.items()
    ]
    return " or ".join(asked)


def section() -> Section:
    """Return the row."""
    ages = draw(
        listing(("sensor", "reason"), Column(AGE, "dtdurations", 1), by=AGE),
        About("Data sets", "Age of the data sets in use; reason is the source.", "dtdurations", NO_DATASET),
        rows(f"time() - max by (sensor, reason) ({DATASETS})"),
    )
    loaded = draw(
        listing(("sensor",), Column(LOADED, "dtdurations", 1), by=LOADED),
        About("Last load", "Time since policy, catalogue and data sets were last loaded.", "dtdurations"),
        rows(
            f"time() - max by (sensor) ({sensed('residency_last_reload_success_timestamp_seconds')})",
            must=True,
        ),
    )
    reloads = draw(
        painted(bars(), {"ok": GREEN, "failed": RED}),
        About(
            "Reloads",
            "Reloads of policy, catalogue and data sets in each step, by what came of them.",
            "none",
        ),
        lines(total(step(sensed("residency_reloads_total")), "reason"), "{{reason}}", must=True),
    )
    return Section("What is loaded", (even(8, _versions(), ages), even(7, loaded, reloads)))


def process() -> Section:
    """Return the folded row of what the process takes."""
    cpu = draw(
        graph("mean", "max"),
        About(
            "Processor",
            "Processors that the sensor's process kept busy.",
            "none",
            "not told, or no sensor heard",
        ),
        lines(_of_process("rate(process_cpu_seconds_total[$__rate_interval])"), "{{sensor}}", must=True),
    )
    memory = draw(
        graph("mean", "max"),
        About("Memory", "Resident memory of the sensor's process.", "bytes", "not told, or no sensor heard"),
        lines(_of_process("process_resident_memory_bytes"), "{{sensor}}", must=True),
    )
    series = draw(
        graph("lastNotNull", "max"),
        About("Series", "Series that the sensor exposes, each bucket counted.", "short"),
        lines(total(sensed("residency_series"), "sensor"), "{{sensor}}", must=True),
    )
    owners = draw(
        bars(),
        About(
            "Looks at owners",
            "Looks at which process of the sensor's host owns a connection, by what came of them.",
            "none",
            "none, or not asked for",
        ),
        lines(total(step(sensed("residency_owner_lookups_total")), "reason"), "{{reason}}"),
    )
    return Section("Process", (even(8, cpu, memory), even(8, series, owners)), collapsed=True)


def _versions() -> Drawn:
    """Return what is in use: a row for each of program, catalogue and policy, with one column of versions."""
    policy = (
        f"label_join(max by (sensor, policy) ({sensed('residency_policy_info')}), 'reason', '', 'policy')"
    )
    named = {
        "program": f"max by (sensor, reason) ({sensed('residency_build_info')})",
        "catalogue": f"max by (sensor, reason) ({sensed('residency_catalogue_info')})",
        "policy": f"max by (sensor, reason) ({policy})",
    }
    each = [f"label_replace({expr}, 'what', '{what}', '', '')" for what, expr in named.items()]
    return draw(
        listing(("sensor", "what", "reason"), by="what", ascending=True),
        About(
            "In use",
            "Versions of program and catalogue, and the policy with its hash; reason is the version.",
            "none",
        ),
        rows(" or ".join(each), must=True),
    )


def _of_process(expr: str) -> str:
    """Return what is known of a process by sensor: its own series do not say whose they are."""
    whose = f"group by (job, instance, sensor) ({sensed('residency_capturing')})"
    return f"max by (sensor) ({expr} * on (job, instance) group_left (sensor) {whose})"
