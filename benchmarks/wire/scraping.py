"""What the daemon's metrics say: sums over series, and histograms with the bounds that they have."""

import ctypes
import math
import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import msgspec

PORT = 9_477
_SECONDS = 5.0
_CLONE_NEWNET = 0x40000000
_LINE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Between(msgspec.Struct, frozen=True):
    """A value of a histogram's: more than ``low``, at most ``high`` (infinite above the last bound)."""

    low: float
    high: float


class Histogram(msgspec.Struct, frozen=True):
    """How many values there were up to each bound, not added up."""

    bounds: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()

    @property
    def total(self) -> int:
        """How many values."""
        return sum(self.counts)

    def since(self, before: "Histogram") -> "Histogram":
        """Return what came after an earlier look."""
        if not before.bounds:
            return self
        counts = (now - then for now, then in zip(self.counts, before.counts, strict=True))
        return Histogram(self.bounds, tuple(counts))

    def share_up_to(self, bound: float) -> float:
        """Return the share of values that are at most a bound of the histogram's."""
        within = sum(count for limit, count in zip(self.bounds, self.counts, strict=True) if limit <= bound)
        return within / self.total if self.total else math.nan

    def quantile(self, share: float) -> Between | None:
        """Return between which bounds a quantile is; None where there are no values."""
        left, low = share * self.total, 0.0
        for high, count in zip(self.bounds, self.counts, strict=True):
            left -= count
            if left <= 0 and count:
                return Between(low, high)
            low = high
        return None


class Scraped(msgspec.Struct, frozen=True):
    """Every series: by name, its labels and value."""

    series: dict[str, list[tuple[dict[str, str], float]]]

    def total(self, name: str, **labels: str) -> int:
        """Return the sum of the series that have these labels."""
        rows = self.series.get(name, [])
        return round(sum(value for have, value in rows if labels.items() <= have.items()))

    def by_reason(self, name: str) -> dict[str, int]:
        """Return the values that are not 0 by reason."""
        found: dict[str, int] = {}
        for labels, value in self.series.get(name, []):
            if value:
                found[labels["reason"]] = found.get(labels["reason"], 0) + round(value)
        return found

    def histogram(self, name: str) -> Histogram:
        """Return a histogram."""
        rows = sorted((float(labels["le"]), round(value)) for labels, value in self.series[f"{name}_bucket"])
        bounds, up_to = zip(*rows, strict=True)
        counts = (now - before for now, before in zip(up_to, (0, *up_to), strict=False))
        return Histogram(tuple(bounds), tuple(counts))


def scrape(namespace: str) -> Scraped:
    """Ask the daemon in a network namespace. Raises OSError."""
    with ThreadPoolExecutor(1) as thread:  # which enters the namespace, and ends
        return parse(thread.submit(_get, namespace, "/metrics").result())


def parse(text: str) -> Scraped:
    """Read Prometheus' text format, as far as the daemon writes it."""
    series: dict[str, list[tuple[dict[str, str], float]]] = {}
    for line in text.splitlines():
        found = None if line.startswith("#") else _LINE.fullmatch(line)
        if found:
            labels: Mapping[str, str] = dict(_LABEL.findall(found[2] or ""))
            series.setdefault(found[1], []).append((dict(labels), float(found[3])))
    return Scraped(series)


def _get(namespace: str, path: str) -> str:
    libc = ctypes.CDLL(None, use_errno=True)
    file = os.open(Path("/run/netns") / namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(file, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
    finally:
        os.close(file)
    connection = HTTPConnection("127.0.0.1", PORT, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()
