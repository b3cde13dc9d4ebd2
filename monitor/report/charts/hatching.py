"""Draws hatches as lines that a shape cuts off. Pure.

A browser that prints draws such lines; tiles of an SVG pattern it prints as pictures of pixels, which made a
report of megabytes that nobody can enlarge.
"""

import math
from collections.abc import Iterator
from typing import Literal

from monitor.report.charts.spreading import Box
from monitor.report.charts.svg import Element, el, path

Stroke = Literal["rising", "falling", "upright", "close", "level", "dotted"]
STEP = 8.0  # from one line to the next
_DASHES = "2 6"  # of dotted lines: they alone stand in their hatch
_HALF = 4.0


def hatch(strokes: tuple[Stroke, ...], box: Box, step: float = STEP, class_: str = "hatch") -> Element:
    """Return lines that fill a box, and may reach beyond it."""
    lines = "".join(line for stroke in strokes for line in _lines(stroke, box, step))
    dashes = {"stroke_dasharray": _DASHES} if "dotted" in strokes else {}
    return el("path", d=lines, class_=class_, **dashes)


def hatched(name: str, shape: Element, lines: Element) -> tuple[Element, Element]:
    """Return what cuts lines to a shape, and the lines. ``name`` is unique on a page."""
    cut = el("clipPath", shape, id=name)
    return cut, el("g", lines, clip_path=f"url(#{name})")


def hatched_box(box: Box, strokes: tuple[Stroke, ...], class_: str, *inner: Element) -> Element:
    """Return a rectangle with a hatch: an inner svg is cut at its edges."""
    wide, high = box.right - box.left, box.bottom - box.top
    at = {"x": box.left, "y": box.top, "width": wide, "height": high}
    rect = el("rect", class_=class_, **at)
    if not strokes:
        return el("g", *inner, rect)
    return el("g", *inner, rect, el("svg", hatch(strokes, Box(0, 0, wide, high)), **at))


def _lines(stroke: Stroke, box: Box, step: float) -> Iterator[str]:
    high, wide = box.bottom - box.top, box.right - box.left
    if stroke == "rising":
        for x in _places(box.left - high, box.right, step, 0):
            yield path("M", x, box.bottom, "l", high, -high)
    elif stroke == "falling":
        for x in _places(box.left - high, box.right, step, 0):
            yield path("M", x, box.top, "l", high, high)
    elif stroke in ("upright", "close"):
        for x in _places(box.left, box.right, step if stroke == "upright" else _HALF, 2):
            yield path("M", x, box.top, "v", high)
    else:
        for y in _places(box.top, box.bottom, step if stroke == "level" else _HALF, 2):
            aside = y // _HALF % 2 * _HALF if stroke == "dotted" else 0
            yield path("M", box.left + 1 + aside - STEP, y, "h", wide + STEP)


def _places(least: float, most: float, step: float, aside: float) -> Iterator[float]:
    """Yield where lines are: at the same places whatever the box, so that hatches side by side meet."""
    for number in range(math.floor((least - aside) / step), math.ceil((most - aside) / step) + 1):
        place = number * step + aside
        if least < place < most:
            yield place
