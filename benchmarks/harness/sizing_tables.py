"""What the sizing of a fleet prints: tables of no more than 100 columns."""

from collections.abc import Callable, Sequence
from textwrap import fill

import msgspec

from benchmarks.model.figures import Figure, Figures
from benchmarks.model.late import Phase
from benchmarks.model.partitions import counts
from benchmarks.model.report import Report
from benchmarks.model.sizes import Batch, Keeping

WIDTH = 100


def report_tables(report: Report, names: Sequence[str]) -> str:
    """Return some tables of a fleet, by the names of ``TABLES``."""
    return "\n\n".join(TABLES[name](report) for name in names)


def figures_table(figures: Figures) -> str:
    """Return the figures as Markdown, each with what measured it; then where and when that was."""
    known: dict[str, Figure] = msgspec.structs.asdict(figures)
    rows = [f"| `{name}` | {each.value:,.6g} | `{each.command}` |" for name, each in known.items()]
    places: dict[str, list[str]] = {}
    for name, each in known.items():
        places.setdefault(f"{each.machine}, {each.date}", []).append(f"`{name}`")
    rest = [fill(f"{place}: {', '.join(names)}.", WIDTH) for place, names in places.items()]
    return "\n".join(["| figure | value | by |", "|---|--:|---|", *rows, "", "\n\n".join(rest)])


def _needs(report: Report) -> str:
    plan, found, keeping = report.plan, report.sizes, report.keeping
    return _table(
        f"Sensors: {plan.sensors:,}, {plan.gbit:g} Gbit/s in the busiest hour, {plan.partitions} partitions",
        [
            ("traffic", f"{found.tb_a_day:,.0f} TB a day"),
            (
                "a sensor",
                f"{found.middle_mbit:,.0f} Mbit/s in the middle, {found.largest_mbit:,.0f} the largest",
            ),
            (
                "observations",
                f"{found.observations:,.0f}/s, {found.observations / found.parcels:.2f} a parcel",
            ),
            ("messages to brokers", f"{found.messages:,.0f}/s"),
            ("sensors", _busy(found.sensor_cores, found.largest_sensor_cores)),
            ("publishers", _busy(found.publisher_cores, found.largest_publisher_cores)),
            ("correlators", f"{report.outcome.correlators}, {found.correlator_cores:.1f} cores busy"),
            ("", f"{found.to_all_cores:.1f} of these for what goes to all partitions"),
            ("recorders", f"{found.recorder_cores:.2f} cores busy, for {found.decisions:,.0f} decisions/s"),
            ("brokers", f"{found.brokers}, by {keeping.broker_mb:g} MB/s written by each"),
            ("", f"{_bytes(found.broker_in_bytes)}/s in, {_bytes(found.broker_written_bytes)}/s written"),
            ("", f"{_bytes(found.broker_out_bytes)}/s out"),
            (
                "topic on disk",
                f"{_bytes(found.topic_bytes)}: {plan.retention_hours:g} h, {plan.replicas} copies",
            ),
            ("held_bytes needed", f"{_bytes(found.held_bytes)} a partition, while a sensor is behind"),
            ("ledgers", f"{_bytes(found.ledger_bytes)} in {keeping.ledger_days:g} days"),
            ("archive", f"{_bytes(found.archive_bytes)} in {keeping.archive_days:g} days"),
            ("paid for", f"{report.cost.cores:.0f} cores, {report.cost.stored_gb:,.0f} GB"),
            (
                "cost, example prices",
                f"{report.cost.a_month:,.0f} a month, {report.cost.a_tb:.4f} a TB of traffic",
            ),
        ],
    )


def _busy(cores: float, largest: float) -> str:
    return f"{cores:.1f} cores busy in all, {largest:.2f} the largest"


def _choices(report: Report) -> str:
    rows = [
        (
            f"{each.partitions}",
            f"{each.hottest:.2f}",
            f"{each.hottest_cores:.3f}",
            f"{each.cores:.1f}",
            f"{each.to_all_messages:,.0f}",
            str(each.correlators) if each.correlators else "none is enough",
        )
        for each in report.choices
    ]
    head = ("partitions", "hottest/mean", "its cores", "all cores", "to all/s", "correlators")
    return "Partitions, in the busiest hour\n" + _columns(head, rows)


def _skews(report: Report) -> str:
    head = ("skew", "gateways", "busiest slot", *(str(count) for count in counts(report.plan)))
    rows = [
        (
            f"{each.skew:g}",
            "yes" if each.gateways else "no",
            f"{each.busiest_slot * 100:.2f} %",
            *(f"{value:.2f}" for value in each.hottest),
        )
        for each in report.skews
    ]
    return "The hottest partition, in multiples of the mean, by number of partitions\n" + _columns(head, rows)


def _day(report: Report) -> str:
    outcome = report.outcome
    rows = [
        (f"{hour}", f"{worst:,.0f}", f"{mean:,.1f}")
        for hour, (worst, mean) in enumerate(
            zip(outcome.worst_by_hour_s, outcome.mean_by_hour_s, strict=True)
        )
        if worst > 0
    ]
    sums = (
        f"published {outcome.published:,.0f} = judged {outcome.judged:,.0f} + waiting {outcome.waiting:,.0f}"
        f" + given up {outcome.given_up:,.0f}"
    )
    lag = _columns(("hour", "worst lag s", "mean lag s"), rows) if rows else "no lag in any step"
    about = f"{outcome.correlators} correlators, busy for {outcome.busy_share * 100:.0f} % of the time"
    return f"Two days simulated: {about}\n{sums}\n{lag}"


def _absence(report: Report) -> str:
    plan, absence = report.plan, report.outcome.absence
    observed = max(absence.observed, 1e-9)
    drained = (
        "not within what is simulated" if absence.drained_s is None else f"after {absence.drained_s:,.0f} s"
    )
    rows = [
        ("observed meanwhile", f"{absence.observed:,.0f} observations"),
        ("spool", f"{plan.spool_gib:g} GiB: full after {absence.span_s:,.0f} s"
         if absence.given_up else f"{plan.spool_gib:g} GiB: enough"),
        ("spool_bytes for all", _bytes(absence.spool_needed_bytes)),
        ("given up", f"{absence.given_up:,.0f}: {100 * absence.given_up / observed:.1f} % of it"),
        ("drained", drained),
        ("judged late", f"{absence.late:,.0f}: {100 * absence.late / observed:.1f} % of it"),
        ("worst lag meanwhile", f"{absence.others_lag_s:,.0f} s"),
    ]  # fmt: skip
    text = _table(f"Sensor {absence.sensor} reaches no broker for {plan.absent_hours:g} h", rows)
    if absence.merging is None:
        return text
    merging = absence.merging
    phases = (("before", merging.before), ("while it is drained", merging.during), ("after", merging.after))
    head = ("what merging does", "its parcels", "late", "others overdue", "pressed", "behind s", "held")
    about = f"The product's merging, with {merging.others} others, for {merging.drained_s:,.0f} s of draining"
    return f"{text}\n{about}\n" + _columns(head, [_phase(name, phase) for name, phase in phases])


def _phase(name: str, phase: Phase) -> tuple[str, ...]:
    counts = (phase.parcels, phase.late, phase.overdue, phase.pressed)
    return name, *(f"{count:,}" for count in counts), f"{phase.behind_s:.0f}", _bytes(phase.held_bytes)


def _death(report: Report) -> str:
    death = report.outcome.death
    if death is None:
        return "No correlator dies."
    recovered = (
        "not within what is simulated" if death.recovered_s is None else f"after {death.recovered_s:,.0f} s"
    )
    return _table(
        f"A correlator dies at {death.hour:g} o'clock",
        [
            ("its partitions", f"{death.partitions}"),
            ("read again", f"{report.plan.window_hours:g} h: {death.again_s:,.0f} s of processor time"),
            ("worst lag", f"{death.worst_lag_s:,.0f} s"),
            ("as before", recovered),
        ],
    )


def batch_table(found: Batch, keeping: Keeping) -> str:
    """Return what a replay of captures takes."""
    cores = found.core_hours / found.hours
    return _table(
        f"{found.gb / 1_000:,.0f} TB of captures",
        [
            ("in one go, each by itself", f"{found.core_hours:,.0f} core hours"),
            ("read once", f"{found.hours:,.1f} hours at {keeping.read_gb:g} GB/s, by {cores:,.0f} cores"),
            ("in parts (--workers)", f"{found.parts_core_hours:,.0f} core hours"),
            ("observations", f"{found.observations:,.0f}"),
            ("cache of parts", f"{found.cache_gb:,.0f} GB"),
            ("what replays leave", f"{found.output_gb:,.0f} GB"),
            ("archive", f"{found.archive_gb:,.0f} GB"),
            ("cost, example prices", f"{found.cost:,.2f}, {found.cost_a_tb:.4f} a TB"),
            ("by", f"{keeping.core_hour:g} a core hour, {keeping.gb_month:g} a GB for a month"),
        ],
    )


def _bytes(count: float) -> str:
    """Return a number of bytes for people."""
    for unit, size in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count:,.0f} B"


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows)
    return "\n".join([title, *(f"  {name:<{width}}  {text}" for name, text in rows)])


def _columns(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    return "\n".join(
        "  " + "  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
        for row in [head, *rows]
    )


TABLES: dict[str, Callable[[Report], str]] = {
    "needs": _needs,
    "partitions": _choices,
    "skews": _skews,
    "lag": _day,
    "absence": _absence,
    "death": _death,
}
