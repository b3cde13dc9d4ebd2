"""The command line of the sizing of a fleet: what is asked, and in which order it is worked out."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.harness.sizing_tables import TABLES, batch_table, figures_table, report_tables
from benchmarks.model.figures import FILE, Figures, check_figures, read_figures
from benchmarks.model.plan import Plan, PlanError, check
from benchmarks.model.report import Report, work_out
from benchmarks.model.sizes import Batch, Keeping, batch

OWN_FIGURES = "observations_per_gb", "decisions_per_observation", "live_packet_ns"
_EXAMPLE = """example: 80 sensors on 10 Gbit/s, of which the largest is cut off for an hour, with room for it:
  python benchmarks/sizing.py --sensors 80 --gbit 10 --partitions 16 \\
    --absent 0 --absent-hours 1 --spool-gib 64
and 1 PB of captures:
  python benchmarks/sizing.py --captures-tb 1000"""

PLAN_HELP = {
    "sensors": "how many there are",
    "partitions": "of the topic of observations",
    "gbit": "Gbit/s of all sensors together in the busiest hour",
    "clients": "of each sensor",
    "skew": "of clients: Zipf's exponent; 0: all alike",
    "site_skew": "of sensors, likewise",
    "gateways": "share of sensors with a gateway: one address that stands for many",
    "gateway_share": "of such a sensor's observations that is its gateway's",
    "night": "load at night, of that in the busiest hour",
    "bursts_a_day": "of each sensor",
    "burst_minutes": "how long each is",
    "burst_factor": "and how much more comes then",
    "linger_ms": "how long sensors gather",
    "correlators": "how many; 0: as many as are needed",
    "headroom": "how much of a core may be busy in the busiest hour",
    "replicas": "copies that brokers keep",
    "retention_hours": "of the topic of observations",
    "window_hours": "that are read again when a partition changes hands",
    "hold_seconds": "that a parcel waits for other sensors",
    "patience_seconds": "that a silent sensor is waited for",
    "held_bytes": "that may wait in one partition",
    "session_seconds": "until a dead correlator is missed",
    "spool_gib": "of each sensor, GiB",
    "uplink_mbit": "of each sensor to the brokers, Mbit/s",
    "absent": "the sensor that is cut off; 0 is the largest (the one in the middle)",
    "absent_from": "o'clock on the first day",
    "absent_hours": "how long it is cut off",
    "dies_hour": "when the correlator with the most to do dies; -1: none does",
    "hours": "simulated",
    "step_seconds": "of the simulation",
    "seed": "of bursts",
}
KEEPING_HELP = {
    "ledger_days": "how long ledgers keep decisions",
    "archive_days": "how long the archive does",
    "event_share": "of decisions that lead to an event",
    "broker_mb": "MB/s that one broker may write: measure yours",
    "read_gb": "GB/s that the storage of captures gives: measure yours",
    "core_hour": "price of a core for an hour: an example, put your own",
    "gb_month": "price of a GB for a month: an example, put your own",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Work it out and print it. Returns 0, 1 where correlators cannot do it, 2 for what cannot be."""
    options = _parse(arguments)
    try:
        figures = _figures(options)
        plan, keeping = _plan(options), _keeping(options)
        check(plan)
    except ValueError as error:
        sys.stderr.write(f"sizing: {error}\n")
        return 2
    if options.list_figures:
        print(figures_table(figures))
        return 0
    if options.captures_tb:
        return _batch(batch(options.captures_tb * 1_000, figures, keeping), keeping, options.json)
    report = work_out(plan, keeping, figures)
    if report is None:
        sys.stderr.write(
            f"sizing: no number of correlators keeps the hottest of {plan.partitions} partitions below "
            f"{plan.headroom:g} of a core; write more --partitions, or less --gbit\n"
        )
        return 1
    print(report_tables(report, options.table or list(TABLES)))
    _write(report, options.json)
    return 0


def _batch(found: Batch, keeping: Keeping, out: Path | None) -> int:
    print(batch_table(found, keeping))
    _write(found, out)
    return 0


def _write(found: Report | Batch, out: Path | None) -> None:
    if out is not None:
        out.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")


def _figures(options: argparse.Namespace) -> Figures:
    said = {name: getattr(options, name) for name in OWN_FIGURES if getattr(options, name) is not None}
    figures = read_figures(options.figures).with_values(**said)
    check_figures(figures, "options")
    return figures


def _plan(options: argparse.Namespace) -> Plan:
    said = {name: getattr(options, name) for name in PLAN_HELP}
    if said["absent"] is None:
        said["absent"] = said["sensors"] // 2
    return Plan(**said)


def _keeping(options: argparse.Namespace) -> Keeping:
    said = {name: getattr(options, name) for name in KEEPING_HELP}
    for name, value in said.items():
        if not 0 <= value < float("inf"):
            raise PlanError(f"--{name.replace('_', '-')}: {value}; write 0 or more")
    for name in ("broker_mb", "read_gb"):
        if not said[name]:
            raise PlanError(f"--{name.replace('_', '-')}: 0.0; write a number above 0")
    return Keeping(**said)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Size a fleet by measured figures, and simulate two days of it.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for title, helps, usual in (("the fleet", PLAN_HELP, Plan()), ("keeping", KEEPING_HELP, Keeping())):
        group = parser.add_argument_group(title)
        for name, text in helps.items():
            value = getattr(usual, name) if name != "absent" else None
            shown = f"{text} ({value})" if value is not None else text
            kind = type(getattr(usual, name))
            group.add_argument(
                "--" + name.replace("_", "-"), type=kind, default=value, metavar="N", help=shown
            )
    parser.add_argument("--captures-tb", type=float, metavar="TB", help="size a replay of captures instead")
    parser.add_argument(
        "--figures",
        type=Path,
        default=FILE,
        metavar="FILE",
        help="measured figures: those of sizing_figures.py",
    )
    for name in OWN_FIGURES:
        parser.add_argument(
            "--" + name.replace("_", "-"), type=float, metavar="N", help="instead of the measured one"
        )
    parser.add_argument("--list-figures", action="store_true", help="print these, and what measured them")
    parser.add_argument("--table", action="append", choices=TABLES, help="only this one (repeatable)")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all of it there")
    options = parser.parse_args(arguments)
    if options.captures_tb is not None and not 0 < options.captures_tb < float("inf"):
        parser.error("--captures-tb must be above 0")
    if options.json is not None and not options.json.absolute().parent.is_dir():
        parser.error(f"{options.json}: its folder is not there; make it, or name another")
    return options
