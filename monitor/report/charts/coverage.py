"""Draws how much of the traffic could be named: one bar for connections, one for bytes, named first.

Blind spots are coloured and hatched apart and have their counts, so that none hides behind a percentage.
"""

from collections.abc import Callable, Iterator

import msgspec

from monitor.counts import FlowCount
from monitor.coverage import COVERAGE_CLASSES, NAMED
from monitor.report.charts.hatching import Stroke, hatched_box
from monitor.report.charts.judged import EMPTY_HEIGHT, nothing
from monitor.report.charts.spreading import Box
from monitor.report.charts.svg import FONT, VIEW_WIDTH, Element, drawing, el, shortened
from monitor.report.charts.types import Chart
from monitor.report.types import Seen
from monitor.types import Coverage
from monitor.wording import percent, plural, size

NAME = "coverage"
TITLE = "How much could be named"
WORDS: dict[Coverage, str] = {
    "sni": "named on the wire (TLS, QUIC, HTTP)",
    "dns": "named by the client's DNS answers",
    "address": "by address only",
    "ambiguous": "several names for the address",
    "concealed": "the name is encrypted (ECH)",
    "concealing": "hides others (encrypted DNS, VPN, relay)",
    "midstream": "the start was not captured",
    "lost": "evicted, or the first message incomplete",
}
_HATCHES: dict[Coverage, tuple[Stroke, ...]] = {
    "dns": ("level",),
    "address": ("dotted",),
    "ambiguous": ("rising",),
    "concealed": ("rising", "falling"),
    "concealing": ("close",),
    "midstream": ("falling",),
    "lost": ("level", "upright"),
}
_LEFT = 262.0
_BAR, _STEP = 26.0, 40.0  # height of a bar, and from one to the next
_LEAST = 2.0  # width of a part
_LINE = 24.0
_COLUMNS = (640.0, 880.0)  # right edges of the figures


class Scale(msgspec.Struct, frozen=True):
    """A bar: what it counts and how."""

    name: str
    of: Callable[[FlowCount], int]
    says: Callable[[int], str]


def coverage_bar(seen: Seen) -> Chart:
    """Return the bars of what was seen, with a legend of counts and shares."""
    counts = {name: seen.coverage[name] for name in COVERAGE_CLASSES if _some(seen.coverage.get(name))}
    if not counts:
        words = f"{seen.says[:1].upper()}{seen.says[1:]}."
        return Chart(drawing(NAME, TITLE, words, EMPTY_HEIGHT, nothing(words)), TITLE, words)
    scales = [Scale("connections", lambda count: count.flows, lambda flows: f"{flows:,}")]
    if seen.bytes_known:
        scales.append(Scale("bytes", FlowCount.bytes, size))
    top = _STEP * len(scales) + FONT
    parts: list[Element] = []
    for index, scale in enumerate(scales):
        parts += _bar(scale, counts, _STEP * index)
    parts += _legend(scales, counts, top)
    describes = _describes(scales, counts)
    return Chart(drawing(NAME, TITLE, describes, top + _LINE * (len(counts) + 1), *parts), TITLE, describes)


def _some(count: FlowCount | None) -> bool:
    return count is not None and bool(count.flows)


def _part(name: Coverage, box: Box, *inner: Element) -> Element:
    kind = "named" if name in NAMED else "blind"
    return hatched_box(box, _HATCHES.get(name, ()), f"part cover-{kind}", *inner)


def _bar(scale: Scale, counts: dict[Coverage, FlowCount], y: float) -> Iterator[Element]:
    """Yield a bar, whose parts are never too thin to be seen, with how much of it was named."""
    values = {name: scale.of(count) for name, count in counts.items()}
    whole = sum(values.values())
    x = _LEFT
    for name, wide in _widths(values, VIEW_WIDTH - 1 - _LEFT).items():
        tells = f"{WORDS[name]}: {scale.says(values[name])} {scale.name}, {percent(values[name], whole)}"
        yield _part(name, Box(x, y, x + wide, y + _BAR), el("title", tells))
        x += wide
    named = percent(sum(values.get(name, 0) for name in NAMED), whole)
    yield el("text", f"{scale.name}: {named} named", x=0, y=y + _BAR * 0.7, class_="label strong")


def _widths(values: dict[Coverage, int], room: float) -> dict[Coverage, float]:
    """Return how wide each part is; what the thin ones get more, the widest gets less."""
    whole = sum(values.values()) or 1
    widths = {name: max(room * value / whole, _LEAST if value else 0.0) for name, value in values.items()}
    widest = max(widths, key=lambda name: widths[name])
    widths[widest] -= sum(widths.values()) - room if any(values.values()) else 0.0
    return {name: wide for name, wide in widths.items() if wide}


def _legend(scales: list[Scale], counts: dict[Coverage, FlowCount], top: float) -> Iterator[Element]:
    for scale, x in zip(scales, _COLUMNS, strict=False):
        yield el("text", scale.name, x=x, y=top, class_="muted", text_anchor="end")
    for row, (name, count) in enumerate(counts.items(), 1):
        y = top + _LINE * row
        yield _part(name, Box(0, y - 13, 16, y + 3))
        yield el("text", shortened(WORDS[name], _COLUMNS[0] - 200), x=24, y=y, class_="label")
        for scale, x in zip(scales, _COLUMNS, strict=False):
            whole = sum(scale.of(each) for each in counts.values())
            figure = f"{scale.says(scale.of(count))} ({percent(scale.of(count), whole)})"
            yield el("text", figure, x=x, y=y, class_="label", text_anchor="end")


def _describes(scales: list[Scale], counts: dict[Coverage, FlowCount]) -> str:
    whole = sum(count.flows for count in counts.values())
    classes = "; ".join(
        f"{WORDS[name]} {count.flows:,} ({percent(count.flows, whole)})" for name, count in counts.items()
    )
    unknown = "" if len(scales) > 1 else " Some inputs count connections alone, so bytes are not drawn."
    return f"{plural(whole, 'connection')}, LLM-related or not: {classes}.{unknown}"
