"""Durations and sizes in words, as people write them in a policy: "24h", "1h 30m", "10 MB". Pure."""

import re
from decimal import Decimal

A_DURATION = "write a number with its unit, such as 30s, 5m, 24h or 7d"
A_SIZE = "write a size such as 500 kB, 10 MB or 1 GiB"
MAX_WINDOW_NS = 366 * 86_400_000_000_000

_UNITS_NS = {"s": 10**9, "m": 60 * 10**9, "h": 3_600 * 10**9, "d": 86_400 * 10**9}
_DURATION = re.compile(r"(?:\d{1,9}[smhd] ?)+", re.ASCII)
_PART = re.compile(r"(\d+)([smhd])", re.ASCII)
_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,9})?) ?(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)", re.ASCII)
_UNIT_BYTES = {
    "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip


def duration_ns(written: int | str) -> int | None:
    """The nanoseconds that a text means; None where it is no duration. A number lacks its unit."""
    if isinstance(written, int) or not _DURATION.fullmatch(written):
        return None
    return sum(int(number) * _UNITS_NS[unit] for number, unit in _PART.findall(written))


def size_bytes(written: int | str) -> int | None:
    """The bytes that a text, or a plain number, means; None where it is no size."""
    if isinstance(written, int):
        return written if written >= 0 else None
    found = _SIZE.fullmatch(written)
    return int(Decimal(found[1]) * _UNIT_BYTES[found[2]]) if found else None
