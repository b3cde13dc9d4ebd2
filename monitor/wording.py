"""Words for scopes, places, sizes and times, so that every output says the same thing the same way. Pure."""

import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime

from monitor.counts import FlowCount
from monitor.types import Scope

MANY_COUNTRIES = 8  # more are counted, not listed
_SECOND_NS = 1_000_000_000
_SCOPES: dict[Scope, str] = {
    "region": "pinned to {where}",
    "entry": "enters in {where}; processing may be elsewhere",
    "group": "within {where}",
    "global": "anywhere (global endpoint)",
    "storage": "data rests in {where}; where it is processed is not known",
    "unknown": "not known; the operator points to {where}",
}


def describe_place(scope: Scope, region: str | None, countries: Sequence[str]) -> str:
    """Return where an endpoint is, with what its scope does not promise."""
    listed = ", ".join(countries) if len(countries) <= MANY_COUNTRIES else f"{len(countries)} countries"
    where = f"{region} ({listed})" if region and listed else region or listed
    if not where and scope == "unknown":
        return "not known"
    return _SCOPES[scope].format(where=where or "a place that the evidence does not name")


def size(bytes_: int) -> str:
    """Return bytes in the decimal unit that suits them."""
    value = float(bytes_)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def percent(part: int, whole: int) -> str:
    """Return a share in percent, cut off and not rounded up, so that only all of it is 100 %."""
    tenths = part * 1000 // whole if whole else 0
    return f"{tenths // 10}.{tenths % 10} %"


def coverage_clause(named: FlowCount, seen: FlowCount, *, complete: bool, bytes_known: bool = True) -> str:
    """Return how much could be named: what a sentence adds that says that something was not observed."""
    if not seen.flows:
        return "no connection was seen at all"
    said = f"coverage {percent(named.flows, seen.flows)} of flows"
    if bytes_known:
        said = f"{said}, {percent(named.bytes(), seen.bytes())} of bytes"
    return said if complete else f"{said}, of what could be looked at"


def moment(ts_ns: int) -> str:
    """Return a time as UTC text, to the second. A packet's time may be any 64-bit number."""
    try:
        return datetime.fromtimestamp(ts_ns // _SECOND_NS, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return f"{ts_ns} ns"


def plural(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def listed(items: Sequence[str], last: str = "and") -> str:
    """Return items as a sentence lists them."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def wrapped(text: str, width: int) -> list[str]:
    """Return a paragraph's lines, all but the first indented."""
    return textwrap.wrap(text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def fact(label: str, value: str, width: int = 80) -> str:
    """Return one indented `label  value` paragraph that fits the width."""
    first = f"  {label:<11} "
    rest = " " * (16 if value.startswith("- ") else 14)
    return textwrap.fill(
        value,
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def facts(label: str, values: Sequence[str], width: int = 80) -> list[str]:
    """Return one such paragraph for each value, as a list under one label."""
    return [fact("" if index else label, f"- {value}", width) for index, value in enumerate(values)]
