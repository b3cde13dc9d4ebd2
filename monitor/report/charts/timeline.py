"""Draws connections over time as stacked bars by judgement, with the changes of what judged them.

What is outside policy stands at the bottom, is never too low to be seen, and has a triangle above its bar.
Where there are more buckets than bars, so many buckets make one bar: sums stay what they were.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from monitor.report.charts.judged import (
    EMPTY_HEIGHT,
    WORDS,
    hatches,
    in_words,
    legend,
    nothing,
)
from monitor.report.charts.spreading import Box
from monitor.report.charts.svg import FONT, VIEW_WIDTH, Element, drawing, el, path, shortened, text_width
from monitor.report.charts.ticks import duration, round_numbers, round_times, short_number, whole_step
from monitor.report.charts.types import Chart
from monitor.report.types import JUDGEMENTS, Judgement, Timeline
from monitor.wording import moment, plural

NAME = "timeline"
TITLE = "Connections over time"
MOST_BARS = 96
MOST_MARKS = 24
_LANES = 3  # of labels of marks
_LANE = 19.0
_LABEL = 320.0  # how wide a label may be
_LEFT, _RIGHT = 78.0, VIEW_WIDTH - 14.0
_HEIGHT = 210.0  # of the bars
_LEAST, _LEAST_OUTSIDE = 1.0, 2.5  # height of a part of a bar
_TRIANGLE = 5.0


class Bar(msgspec.Struct, frozen=True):
    """One or more buckets."""

    start_ns: int
    counts: dict[Judgement, int]

    def flows(self) -> int:
        """All its connections."""
        return sum(self.counts.values())


class Axes(msgspec.Struct, frozen=True):
    """How times and numbers become places."""

    since_ns: int
    until_ns: int
    width_ns: int  # of a bar
    top: int  # the highest number
    bottom: float  # where zero is

    def x(self, ts_ns: int) -> float:
        """Return where a time is."""
        return _LEFT + (_RIGHT - _LEFT) * (ts_ns - self.since_ns) / (self.until_ns - self.since_ns)

    def high(self, flows: int) -> float:
        """Return how high so many connections are."""
        return _HEIGHT * flows / self.top


def timeline(times: Timeline, marks: Sequence[tuple[int, str]]) -> Chart:
    """Return the bars of a timeline. ``marks`` are times (Unix, ns) with what was loaded then."""
    bars, width_ns = _bars(times)
    if not bars:
        words = "No connection to an LLM provider was read for this period."
        return Chart(drawing(NAME, TITLE, words, EMPTY_HEIGHT, nothing(words)), TITLE, words)
    since, until = bars[0].start_ns, bars[-1].start_ns + width_ns
    inside = sorted(each for each in marks if since <= each[0] <= until)
    numbers = round_numbers(max(bar.flows() for bar in bars))
    lanes = _in_lanes(inside[:MOST_MARKS], since, until)
    above = 24 + _LANE * (max((lane for *_, lane in lanes), default=-1) + 1)
    axes = Axes(since, until, width_ns, numbers[-1], FONT + above + _HEIGHT)
    counts = _added(bars)
    key, high = legend(counts, axes.bottom + 54)
    parts = [
        *_numbers(axes, numbers),
        *_times(axes),
        *_drawn(axes, bars),
        *_marked(axes, lanes),
        *key,
    ]
    describes = _describes(axes, counts, bars, (len(inside), len(marks)))
    return Chart(drawing(NAME, TITLE, describes, axes.bottom + 54 + high, *parts), TITLE, describes)


def _bars(times: Timeline) -> tuple[list[Bar], int]:
    """Return the buckets, so many together that there are not too many bars, and how much time each spans."""
    buckets = [bucket for bucket in times.buckets if any(bucket.counts.values())]
    if not buckets:
        return [], times.width_ns
    origin, last = buckets[0].start_ns, buckets[-1].start_ns
    slots = (last - origin) // times.width_ns + 1
    width_ns = whole_step(times.width_ns * -(-slots // MOST_BARS), times.width_ns)
    if origin % times.width_ns == 0:  # then no bucket lies across a bar's edge
        origin -= origin % width_ns
    added: dict[int, dict[Judgement, int]] = {}
    for bucket in buckets:
        counts = added.setdefault((bucket.start_ns - origin) // width_ns, {})
        for name, count in bucket.counts.items():
            counts[name] = counts.get(name, 0) + count
    return [Bar(origin + slot * width_ns, counts) for slot, counts in sorted(added.items())], width_ns


def _added(bars: Sequence[Bar]) -> dict[Judgement, int]:
    return {name: count for name in JUDGEMENTS if (count := sum(bar.counts.get(name, 0) for bar in bars))}


def _describes(
    axes: Axes, counts: Mapping[Judgement, int], bars: Sequence[Bar], marks: tuple[int, int]
) -> str:
    inside, given = marks
    outside = [bar for bar in bars if bar.counts.get("violation")]
    span = f"{moment(axes.since_ns)} to {moment(axes.until_ns)} UTC"
    said = f"Connections by the time of their first packet, {span}; each bar is {duration(axes.width_ns)}."
    said += f" {in_words(counts)}."
    if outside:
        first = moment(outside[0].start_ns)
        said += f" Outside policy in {plural(len(outside), 'bar')}, first in that of {first} UTC."
    if inside > MOST_MARKS:
        said += f" {_changes(inside - MOST_MARKS, 'more ', '')}."
    if given > inside:
        said += f" {_changes(given - inside, '', ' came before or after, and')}."
    return said


def _changes(count: int, more: str, came: str) -> str:
    changes, are = ("change", "is") if count == 1 else ("changes", "are")
    return f"{count:,} {more}{changes} of what judged{came} {are} not drawn"


def _numbers(axes: Axes, numbers: Sequence[int]) -> Iterator[Element]:
    yield el("text", "connections", x=0, y=FONT, class_="muted")
    for number in numbers:
        y = axes.bottom - axes.high(number)
        yield el("path", d=path("M", _LEFT, y, "H", _RIGHT), class_="axis" if not number else "grid")
        yield el("text", short_number(number), x=_LEFT - 8, y=y + 5, class_="muted", text_anchor="end")


def _times(axes: Axes) -> Iterator[Element]:
    """Yield the time axis; labels that would touch the one before are left out."""
    free = 0.0
    for ts_ns, label in round_times(axes.since_ns, axes.until_ns):
        x, half = axes.x(ts_ns), text_width(label) / 2
        yield el("path", d=path("M", x, axes.bottom, "V", axes.bottom + 5), class_="axis")
        x = min(x, VIEW_WIDTH - 1 - half)
        if x - half > free:
            yield el("text", label, x=x, y=axes.bottom + 20, class_="muted", text_anchor="middle")
            free = x + half + 8
    said = f"UTC, from {moment(axes.since_ns)}; a bar is {duration(axes.width_ns)}"
    yield el("text", said, x=_RIGHT, y=axes.bottom + 40, class_="muted", text_anchor="end")


def _drawn(axes: Axes, bars: Sequence[Bar]) -> Iterator[Element]:
    """Yield the bars, one path for each judgement, and over them what tells their counts."""
    paths: dict[Judgement, list[str]] = {name: [] for name in JUDGEMENTS}
    triangles, touch = [], []
    for bar in bars:
        left, right = axes.x(bar.start_ns), axes.x(bar.start_ns + axes.width_ns)
        wide = max((right - left) * 0.86, 1.0)
        y = axes.bottom
        for name in JUDGEMENTS:
            if bar.counts.get(name):
                least = _LEAST_OUTSIDE if name == "violation" else _LEAST
                high = max(axes.high(bar.counts[name]), least)
                y -= high
                paths[name].append(path("M", left, y, "h", wide, "v", high, "h", -wide, "z"))
        if bar.counts.get("violation"):
            top, half = y - 4, min(_TRIANGLE, max(wide / 2, 2.5))
            triangles.append(
                path("M", left + wide / 2, top - 1.6 * half, "l", half, 1.6 * half, "h", -2 * half, "z")
            )
        touch.append(_touch(axes, bar, left, right))
    shapes = {name: "".join(parts) for name, parts in paths.items() if parts}
    for name, shape in shapes.items():
        yield el("path", el("title", WORDS[name]), d=shape, class_=f"bar fill-{name}")
    yield from hatches(NAME, shapes, Box(_LEFT, axes.bottom - _HEIGHT, _RIGHT, axes.bottom))
    if triangles:
        yield el(
            "path",
            el("title", "a bar with connections outside policy"),
            d="".join(triangles),
            class_="fill-violation",
        )
    yield from touch


def _touch(axes: Axes, bar: Bar, left: float, right: float) -> Element:
    tells = f"{moment(bar.start_ns)} UTC: {in_words(bar.counts)}"
    return el(
        "rect",
        el("title", tells),
        x=left,
        y=axes.bottom - _HEIGHT,
        width=max(right - left, 1.0),
        height=_HEIGHT,
        class_="touch",
    )


def _in_lanes(marks: Sequence[tuple[int, str]], since: int, until: int) -> list[tuple[int, str, str, int]]:
    """Return marks with what is written at them and in which lane: where no lane is free, nothing."""
    free = [0.0] * _LANES
    placed = []
    for ts_ns, words in marks:
        x = _LEFT + (_RIGHT - _LEFT) * (ts_ns - since) / (until - since)
        label = shortened(words, _LABEL)
        wide = text_width(label) + 8
        start = x if x + wide <= VIEW_WIDTH else x - wide
        lane = next((each for each in range(_LANES) if free[each] <= start), -1)
        if lane >= 0:
            free[lane] = max(start + wide, x) + 4
        placed.append((ts_ns, words, label if lane >= 0 else "", lane))
    return placed


def _marked(axes: Axes, marks: Sequence[tuple[int, str, str, int]]) -> Iterator[Element]:
    """Yield the lines of the marks, and over them what is written at them; those without begin lower."""
    below = max((lane for *_, lane in marks), default=0) + 1
    written = []
    for ts_ns, words, label, lane in marks:
        x, y = axes.x(ts_ns), FONT + 6 + _LANE * (lane if label else below)
        tells = el("title", f"{moment(ts_ns)} UTC: {words}")
        yield el("path", tells, d=path("M", x, y, "V", axes.bottom), class_="event")
        fits = x + text_width(label) + 8 <= VIEW_WIDTH
        if label:
            anchor, aside = ("start", x + 5) if fits else ("end", x - 5)
            at = y + FONT - 2
            written.append(el("text", label, x=aside, y=at, class_="label halo", text_anchor=anchor))
    yield from written
