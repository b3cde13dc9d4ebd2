"""The command of ``soak.py``: the phases, and a table of each one's memory."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks import make_traffic
from benchmarks.harness.measure import ChildFailedError
from benchmarks.harness.report import Machine, describe, machine
from benchmarks.wire import cable, sending
from benchmarks.wire.soaking import SAMPLE_SECONDS, Phase, Phased, Sample, Soak, flatness, soak

CHURN = "churn"
_MEGABYTE = 1_000_000
_FLOODS = {  # arguments of make_traffic.py for each
    CHURN: ("--packets", "60000", "--flows", "6000"),
    "SYN flood": ("--syn-flood", "200000"),
    "QUIC Initial spray": ("--quic-spray", "20000"),
    "DNS flood": ("--dns-flood", "50000"),
}
_FLOOD_SHARE = 0.1  # of the time for each flood; churn has the rest, a part before each and one at the end


class SoakReport(msgspec.Struct, frozen=True):
    """What was found, and on what."""

    machine: Machine
    warm_up_seconds: float
    soak: Soak


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print the table. Returns 1 where a sum does not close or the daemon failed, 2 for usage."""
    options = _parse(arguments)
    problem = cable.missing() or sending.missing()
    if problem:
        sys.stderr.write(f"soak: {problem}\n")
        return 2
    captures = _captures(options.folder)
    measured_on = machine()
    try:
        with cable.cable() as wire:
            result = soak(wire, phases(captures, options), options.sample_seconds)
    except (ChildFailedError, OSError) as error:
        sys.stderr.write(f"soak: {error}\n")
        return 1
    report = SoakReport(measured_on, options.warm_up * 60, result)
    print("\n".join(table(report)))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    return int(not result.closes)


def phases(captures: dict[str, Path], options: argparse.Namespace) -> list[Phase]:
    """Return the phases: churn, a flood, churn, a flood, and churn at the end."""
    seconds = options.minutes * 60
    floods = [name for name in captures if name != CHURN]
    if options.churn_only:
        return [Phase(CHURN, captures[CHURN], options.rate, seconds)]
    share = (1 - _FLOOD_SHARE * len(floods)) / (len(floods) + 1 / options.cycles)
    share, flood_share = share / options.cycles, _FLOOD_SHARE / options.cycles
    churn = Phase(CHURN, captures[CHURN], options.rate, seconds * share)
    found = [churn]
    for name in floods * options.cycles:
        found += [Phase(name, captures[name], options.flood_rate, seconds * flood_share), churn]
    return found


def table(report: SoakReport) -> list[str]:
    """Return the report as lines of Markdown."""
    result = report.soak
    lines = [describe(report.machine), ""]
    lines.append(
        "| phase | s | packets | packets/s | min MB | max MB | span of median | flows, most | queued, most |"
    )
    lines.append("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    after = 0.0
    for phase in result.phases:
        lines.append(
            _row(
                phase, [sample for sample in phase.samples if after + sample.seconds > report.warm_up_seconds]
            )
        )
        after += phase.sent.seconds
    churn = _steady(report)
    if churn:
        lines += ["", f"After {report.warm_up_seconds:g} s, churn alone: {_sizes(churn)}."]
    lost = "; ".join(f"{name}: {counts}" for name, counts in result.counters.items())
    seen = f"{result.seen.packets:,} seen + {result.seen.lost:,} lost"
    sums = f"{result.sent:,} sent, {result.arrived:,} arrived = {seen}"
    lines += ["", f"{sums}: {'yes' if result.closes else 'NO'}. {result.cpu_seconds:,.1f} CPU s."]
    return [*lines, f"{lost}."]


def _steady(report: SoakReport) -> list[Sample]:
    """Return the samples of churn after the warm-up."""
    after, found = 0.0, []
    for phase in report.soak.phases:
        if phase.name == CHURN:
            found += [each for each in phase.samples if after + each.seconds > report.warm_up_seconds]
        after += phase.sent.seconds
    return found


def _row(phase: Phased, samples: list[Sample]) -> str:
    sent = f"{phase.sent.seconds:.0f} | {phase.sent.packets:,} | {phase.sent.rate:,.0f}"
    if not samples:
        return f"| {phase.name} | {sent} | warm-up | | | | |"
    sizes = [sample.resident_bytes / _MEGABYTE for sample in samples]
    most = f"{max(each.flows for each in samples):,} | {max(each.queued for each in samples):,}"
    return (
        f"| {phase.name} | {sent} | {min(sizes):,.1f} | {max(sizes):,.1f} | {100 * flatness(samples):.1f} %"
        f" | {most} |"
    )


def _sizes(samples: list[Sample]) -> str:
    sizes = [sample.resident_bytes / _MEGABYTE for sample in samples]
    return f"{min(sizes):,.1f} to {max(sizes):,.1f} MB, {100 * flatness(samples):.1f} % of the median"


def _captures(folder: Path) -> dict[str, Path]:
    """Return the captures, made where they are not there."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for name, arguments in _FLOODS.items():
        path = folder / f"soak{''.join(arguments)}.pcap"
        if not path.is_file():
            make_traffic.main([*arguments, "--out", str(path)])
        found[name] = path
    return found


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Watch the daemon's memory while connections come and go.")
    parser.add_argument("--folder", type=Path, default=Path("build"), help="where captures are, or are made")
    parser.add_argument("--minutes", type=float, default=20, help="of all phases together")
    parser.add_argument("--warm-up", type=float, default=3, metavar="MINUTES", help="that do not count")
    parser.add_argument("--rate", type=float, default=5_000, help="of churn, packets/s")
    parser.add_argument("--flood-rate", type=float, default=50_000, help="of floods, packets/s")
    parser.add_argument("--churn-only", action="store_true", help="without floods")
    parser.add_argument("--cycles", type=int, default=1, help="how often all floods come round")
    parser.add_argument("--sample-seconds", type=float, default=SAMPLE_SECONDS)
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all figures there")
    options = parser.parse_args(arguments)
    if min(options.minutes, options.rate, options.flood_rate, options.sample_seconds, options.cycles) <= 0:
        parser.error("numbers must be positive")
    return options
