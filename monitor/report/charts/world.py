"""Draws where connections ended on a map of the world, with Europe enlarged below it.

A country has one circle: its area goes with the connections, its outline is the worst judgement among them.
What is filled is where processing is pinned; what is hollow only enters, rests or has its operator there.
Destinations that are no single country are on no map: they are listed beside it.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from monitor.report.charts.judged import EMPTY_HEIGHT, LINE, SIGNS, counted, hatches, legend, nothing, swatch
from monitor.report.charts.land import NAME, group_swatch, lands
from monitor.report.charts.marks import MOST_LISTED, Mark, Marks, only_group, sorted_out
from monitor.report.charts.spreading import Box, Circle, labels, spread
from monitor.report.charts.svg import FONT, VIEW_WIDTH, Element, drawing, el, path, shortened, text_width
from monitor.report.charts.types import Atlas, Chart
from monitor.report.types import JUDGEMENTS, Judgement
from monitor.tally import Destination

TITLE = "Where the connections ended"
_BOLD = 1.08  # how much wider a strong label is
_LARGEST, _LEAST = 21.0, 9.0  # radius of the largest circle: less where many are large
_SMALLEST = 5.0
_COVERED = 0.05  # share of Europe that its circles may cover
_EUROPE_WIDTH, _BETWEEN = 470.0, 14.0
_ASIDE_LEFT = _EUROPE_WIDTH + 26.0


def world_map(rows: Sequence[Destination], atlas: Atlas) -> Chart:
    """Return the map of destinations. A country's connections are those where it is the only one named."""
    counts = counted(rows)
    if not counts:
        words = "No connection to an LLM provider was read for this period."
        return Chart(drawing(NAME, TITLE, words, EMPTY_HEIGHT, nothing(words)), TITLE, words)
    rows = [row for row in rows if row.count.flows]
    found, group = sorted_out(rows, atlas), only_group(rows)
    describes = _describes(found)
    world = Box(0, 0, VIEW_WIDTH, atlas.height * VIEW_WIDTH / atlas.width)
    top = world.bottom + _BETWEEN
    europe = Box(1, top, 1 + _EUROPE_WIDTH, top + _EUROPE_WIDTH * atlas.europe[3] / atlas.europe[2])
    key, high = legend(counts, europe.bottom + _BETWEEN)
    reached = {mark.code for mark in found.countries}
    within = set(group.rows[0].key.countries if group else ())
    parts = [
        *lands(atlas, reached, within, (world, europe)),
        *_marks(found.countries, atlas, (world, europe)),
        *_beside(found, group, europe.top),
        *key,
    ]
    return Chart(drawing(NAME, TITLE, describes, europe.bottom + _BETWEEN + high, *parts), TITLE, describes)


def _describes(found: Marks) -> str:
    """Return what the map shows: ends of connections, and no more."""
    on_map = ", ".join(f"{mark.code} {mark.flows():,}" for mark in found.countries[:MOST_LISTED])
    rest = len(found.countries) - MOST_LISTED
    more = f" and {rest} more" if rest > 0 else ""
    beside = ", ".join(f"{mark.code} {mark.flows():,}" for mark in found.others)
    return (
        "A circle says that connections ended at endpoints whose place is this country, as far as the "
        "evidence names one; it does not say where what they carried was processed. "
        f"Connections by country: {on_map or 'none'}{more}. Not on the map: {beside or 'none'}."
    )


def _marks(marks: Sequence[Mark], atlas: Atlas, panels: tuple[Box, Box]) -> Iterator[Element]:
    """Yield the marks of both panels: what Europe has is shown in its own alone."""
    x, y, width, height = atlas.europe
    window = Box(x, y, x + width, y + height)
    most = max((mark.flows() for mark in marks), default=1)
    near = [mark for mark in marks if window.holds(*atlas.points[mark.code])]
    far = [mark for mark in marks if not window.holds(*atlas.points[mark.code])]
    largest = _largest(near, most, panels[1])
    for those, source, room in (
        (far, Box(0, 0, atlas.width, atlas.height), panels[0]),
        (near, window, panels[1]),
    ):
        scale = (room.right - room.left) / (source.right - source.left)
        homes = []
        for mark in those:
            x, y = atlas.points[mark.code]
            radius = max(_SMALLEST, largest * math.sqrt(mark.flows() / most))
            homes.append(
                Circle(room.left + (x - source.left) * scale, room.top + (y - source.top) * scale, radius)
            )
        yield from _placed(those, homes, room, atlas.names)


def _largest(near: Sequence[Mark], most: int, europe: Box) -> float:
    """Return the radius of the largest circle: one that leaves room for all circles of Europe, and labels."""
    flows = sum(mark.flows() for mark in near) or 1
    fits = math.sqrt(europe.area() * _COVERED * most / (math.pi * flows))
    return min(max(fits, _LEAST), _LARGEST)


def _placed(
    marks: Sequence[Mark], homes: Sequence[Circle], room: Box, names: Mapping[str, str]
) -> Iterator[Element]:
    """Yield circles and labels; the smallest circle last, so that none is hidden."""
    circles = spread(homes, room)
    boxes = labels(circles, [_wide(mark) for mark in marks], room)
    placed = list(zip(marks, homes, circles, boxes, strict=True))
    for _, home, circle, box in placed:
        yield from _leaders(home, circle, box)
    filled: dict[Judgement, str] = {}
    for mark, _, circle, _ in sorted(placed, key=lambda each: -each[2].radius):
        yield _circle(mark, circle, names.get(mark.code, mark.code))
        filled[mark.worst()] = filled.get(mark.worst(), "") + _disc(circle, _filled(mark, circle))
    yield from hatches(f"{NAME}-{round(room.top)}", filled, room)
    for mark, _, _, box in placed:
        weight = " strong" if mark.worst() == "violation" else ""
        middle = (box.left + box.right) / 2
        yield el(
            "text",
            mark.words(),
            x=middle,
            y=box.bottom - 3,
            class_=f"label halo{weight}",
            text_anchor="middle",
        )


def _wide(mark: Mark) -> float:
    return text_width(mark.words(), FONT * (_BOLD if mark.worst() == "violation" else 1.0))


def _leaders(home: Circle, circle: Circle, box: Box) -> Iterator[Element]:
    """Yield lines from a circle to its country, and to its label, where these are not beside it."""
    if math.dist((home.x, home.y), (circle.x, circle.y)) > circle.radius:
        yield el("path", d=path("M", home.x, home.y, "L", circle.x, circle.y), class_="leader")
        yield el("circle", cx=home.x, cy=home.y, r=1.5, class_="home")
    x, y = box.nearest(circle.x, circle.y)
    if math.dist((x, y), (circle.x, circle.y)) > circle.radius + 7:
        yield el("path", d=path("M", x, y, "L", circle.x, circle.y), class_="leader")


def _circle(mark: Mark, circle: Circle, name: str) -> Element:
    """Return a country's circle: filled as far as processing is pinned there."""
    worst, radius = mark.worst(), _filled(mark, circle)
    at = {"cx": circle.x, "cy": circle.y}
    parts = [el("circle", r=circle.radius, class_=f"ring stroke-{worst}", **at)]
    if radius:
        parts.append(el("circle", r=radius, class_=f"fill-{worst}", **at))
    return el("g", el("title", mark.tells(name)), *parts, class_="mark")


def _filled(mark: Mark, circle: Circle) -> float:
    """Return the radius of what is filled."""
    return circle.radius * math.sqrt(mark.pinned() / mark.flows())


def _disc(circle: Circle, radius: float) -> str:
    arc = ("a", radius, radius, 0, 1, 0)
    return (
        path("M", circle.x - radius, circle.y, *arc, 2 * radius, 0, *arc, -2 * radius, 0, "z")
        if radius
        else ""
    )


def _beside(found: Marks, group: Mark | None, top: float) -> Iterator[Element]:
    """Yield what stands beside Europe: what is on no map, and how circles are read."""
    y, others = top + FONT, found.others
    if others:
        yield el("text", "Not on the map", x=_ASIDE_LEFT, y=y, class_="label strong")
        y += 10
    for mark in others:
        yield _line(swatch(mark.worst()), mark.words(), y, mark.tells(mark.code))
        y += LINE
    y += FONT + (14 if others else 0)
    yield el("text", "How to read it", x=_ASIDE_LEFT, y=y, class_="label strong")
    y += 10
    for sign, words in _reading(found, group):
        yield _line(sign, words, y, words)
        y += LINE


def _reading(found: Marks, group: Mark | None) -> Iterator[tuple[Element, str]]:
    at = {"cx": 8, "cy": 8}
    filled = el("circle", r=5, class_="fill-inventory", **at)
    ring = el("circle", r=8, class_="ring stroke-inventory", **at)
    yield el("g", ring, filled), "filled as far as processing is pinned there"
    yield ring, "enters, rests or has its operator there only"
    signed = {mark.worst() for mark in (*found.countries, *found.others)} & SIGNS.keys()
    if signed:
        worst = min(signed, key=JUDGEMENTS.index)
        yield (
            el("circle", r=8, class_=f"ring stroke-{worst}", **at),
            "colour, and count behind a sign: the worst",
        )
    if group is not None:
        yield (
            group_swatch(),
            f"somewhere in these: {group.code}, {len(group.rows[0].key.countries)} countries",
        )


def _line(sign: Element, words: str, y: float, tells: str) -> Element:
    text = el("text", shortened(words, VIEW_WIDTH - _ASIDE_LEFT - 26), x=24, y=13, class_="label")
    return el("g", el("title", tells), sign, text, transform=f"translate({path(_ASIDE_LEFT, y)})")
