"""Cells as text: what a table calculation can show, and never carries out. Pure.

Names come from the network, and people open tables in programs that take a text such as "=cmd|..." for a
formula. So text that begins like one gets an apostrophe before it in CSV (OWASP, "CSV Injection"), and what
is not printable is written out.
"""

from datetime import UTC, datetime

from monitor.report.files.table import Cell, Kind

FORMULA = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
)  # the last: full width
MAX_CELL = 32_000  # characters; Excel holds 32,767
SEPARATOR = "; "
_SECOND_NS = 1_000_000_000


def guarded(text: str) -> str:
    """Return text that no table calculation takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def written(text: str) -> str:
    r"""Return text of bounded length, with what is not printable written out, as in ``\x1b``."""
    shown = "".join(each if each.isprintable() else _escaped(each) for each in text[: MAX_CELL + 1])
    return shown if len(shown) <= MAX_CELL else f"{shown[: MAX_CELL - 3]}..."


def cell_text(cell: Cell, kind: Kind) -> str:
    """Return a cell as text; nothing for null, lists joined, times as RFC 3339 to the nanosecond."""
    if cell is None:
        return ""
    if kind == "time" and isinstance(cell, int):
        return exact(cell)
    if isinstance(cell, tuple):
        return written(SEPARATOR.join(cell))
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return written(cell) if isinstance(cell, str) else str(cell)


def exact(ts_ns: int) -> str:
    """Return a time in UTC with all its nanoseconds. A packet's time may be any 64-bit number."""
    whole = at(ts_ns)
    if whole is None:
        return f"{ts_ns} ns"
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{ts_ns % _SECOND_NS:09d}Z"


def at(ts_ns: int) -> datetime | None:
    """Return a time in UTC to the microsecond, cut off; None where the calendar has no such time."""
    seconds, rest_ns = divmod(ts_ns, _SECOND_NS)
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest_ns // 1_000)
    except (OverflowError, ValueError, OSError):
        return None


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
