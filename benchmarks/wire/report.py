"""What ``live.py`` found, as a table for people and as JSON."""

import math

import msgspec

from benchmarks.harness.report import Machine, describe
from benchmarks.wire.latency import GOAL_SECONDS, Latency
from benchmarks.wire.scraping import Between
from benchmarks.wire.search import Plan, Result
from benchmarks.wire.trial import Trial

_MEGABYTE = 1_000_000
_MS = 1_000
_HEAD = (
    "| | held packets/s | of tcpdump | cores | peak MB | beyond: sent/s | arrived | seen | lost"
    " | lost elsewhere | sums close |"
)


class Line(msgspec.Struct, frozen=True):
    """A contender's result, or why there is none."""

    title: str
    result: Result | None = None
    error: str | None = None
    missing: str | None = None


class Report(msgspec.Struct, frozen=True):
    """All of it, and on what it was measured."""

    file: str
    plan: Plan
    machine: Machine
    lines: list[Line]
    latencies: dict[str, Latency]

    @property
    def failed(self) -> bool:
        """Whether a program failed, or a sum does not close."""
        trials = [trial for line in self.lines if line.result for trial in line.result.trials]
        return any(line.error for line in self.lines) or any(trial.closes is False for trial in trials)


def tables(report: Report, yardstick: str) -> list[str]:
    """Return the report as lines of Markdown; rates are compared with those of the line of that title."""
    plan = report.plan
    times = f"searched for {plan.search_seconds:g} s, held for {plan.hold_seconds:g} s"
    lines = [f"{report.file}: {times}.", describe(report.machine), "", _HEAD]
    lines.append("|---|--:|--:|--:|--:|--:|--:|--:|--:|---|---|")
    held = {line.title: line.result.held for line in report.lines if line.result}
    base = held.get(yardstick)
    lines += [_row(line, base) for line in report.lines]
    if report.latencies:
        within = f"within {GOAL_SECONDS * _MS:g} ms"
        lines += [
            "",
            f"| verdicts | packets/s | count | p50 ms | p99 ms | {within} | before the data | lost |",
        ]
        lines.append("|---|--:|--:|--:|--:|--:|--:|--:|")
        lines += [_latency_row(title, each) for title, each in report.latencies.items()]
    return lines


def _row(line: Line, base: Trial | None) -> str:
    result = line.result
    if result is None:
        verdict, reason = ("not here", line.missing) if line.missing else ("failed", line.error or "not run")
        return f"| {line.title} | {verdict} | | | | | | | | {reason.replace('|', '/')} | |"
    held = result.held
    if held is None:
        figures = "none | | | "
    else:
        at_least = "at least " if result.by_sender else ""
        of = f"{held.sent.rate / base.sent.rate:.2f}" if base else "?"
        peak = f"{held.peak_bytes / _MEGABYTE:,.0f}"
        figures = f"{at_least}{held.sent.rate:,.0f} | {of} | {held.cores:.2f} | {peak}"
    return f"| {line.title} | {figures} | {_beyond(result)} |"


def _beyond(result: Result) -> str:
    trial = result.beyond
    closes = {True: "yes", False: "NO", None: "does not say"}[trial.closes]
    lost = "does not say" if trial.seen.lost is None else f"{trial.seen.lost:,}"
    others = ", ".join(f"{count:,} ({reason})" for reason, count in sorted(trial.seen.others.items()))
    stalled = f", stalled {trial.stalled_seconds:g} s" if trial.stalled_seconds else ""
    sent = f"{trial.sent.rate:,.0f}{stalled} | {trial.arrived:,}"
    return f"{sent} | {trial.seen.packets:,} | {lost} | {others or 0} | {closes}"


def _latency_row(title: str, latency: Latency) -> str:
    in_time = latency.share_in_time
    shares = [
        "" if math.isnan(latency.share_within_goal) else f"{100 * latency.share_within_goal:.2f} %",
        "" if in_time is None else f"{100 * in_time:.2f} %",
    ]
    quantiles = f"{between(latency.p50)} | {between(latency.p99)}"
    return (
        f"| {title} | {latency.rate:,.0f} | {latency.verdicts:,} | {quantiles} | {' | '.join(shares)}"
        f" | {latency.lost:,} |"
    )


def between(bounds: Between | None) -> str:
    """Return the bounds of a quantile in milliseconds."""
    if bounds is None:
        return ""
    if math.isinf(bounds.high):
        return f"over {bounds.low * _MS:g}"
    return f"{bounds.low * _MS:g} to {bounds.high * _MS:g}"
