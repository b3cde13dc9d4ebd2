"""Draws the land of the map: once for the world, and once more, by reference, for Europe enlarged."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from monitor.report.charts.hatching import hatch, hatched
from monitor.report.charts.spreading import Box
from monitor.report.charts.svg import VIEW_WIDTH, Element, el
from monitor.report.charts.types import Atlas

NAME = "world"
_STEP = 64.0  # between the lines of the group, in units of the map
_UNIT = 12.5  # of these in one of the chart


def lands(
    atlas: Atlas, reached: AbstractSet[str], within: AbstractSet[str], panels: tuple[Box, Box]
) -> Iterator[Element]:
    """Yield the land in both panels: what was reached is darker, what is within the one group is hatched."""
    kinds: dict[str, list[str]] = {"": [atlas.land]}
    for code, shape in atlas.shapes.items():
        kind = ("group" if code in within else "") + ("reached" if code in reached else "")
        kinds.setdefault(kind, []).append(shape)
    drawn = [each for kind, shapes in sorted(kinds.items()) for each in _land(kind, "".join(shapes), atlas)]
    x, y, width, height = atlas.europe
    scale = VIEW_WIDTH / atlas.width
    world, europe = panels
    yield _panel(world, (0, 0, atlas.width, atlas.height), el("g", *drawn, id=f"{NAME}-land"))
    yield _frame(Box(x * scale, y * scale, (x + width) * scale, (y + height) * scale))
    yield _panel(europe, atlas.europe, el("use", href=f"#{NAME}-land"))
    yield _frame(europe)
    yield el("text", "Europe, enlarged", x=europe.left + 8, y=europe.bottom - 9, class_="muted halo")


def group_swatch() -> Element:
    """Return a small square that looks as the land of the group does."""
    box = Box(0, 0, 16 * _UNIT, 16 * _UNIT)
    tile = el("rect", width=box.right, height=box.bottom, class_="land-plain")
    return el("svg", tile, _group_lines(box), width=16, height=16, viewBox=f"0 0 {box.right} {box.bottom}")


def _land(kind: str, shapes: str, atlas: Atlas) -> Iterator[Element]:
    """Yield the land of one kind; shapes of the group are cut out of its lines."""
    look = kind.removeprefix("group") or "plain"
    if not kind.startswith("group"):
        yield el("path", class_=f"border land-{look}", d=shapes)
        return
    name = f"{NAME}-{kind}"
    yield el("path", class_=f"border land-{look}", d=shapes, id=f"{name}-land")
    lines = _group_lines(Box(0, 0, atlas.width, atlas.height))
    yield from hatched(name, el("use", href=f"#{name}-land"), lines)


def _group_lines(box: Box) -> Element:
    return hatch(("rising",), box, _STEP, "group-line")


def _panel(box: Box, window: tuple[int, int, int, int], inner: Element) -> Element:
    return el(
        "svg",
        inner,
        x=box.left,
        y=box.top,
        width=box.right - box.left,
        height=box.bottom - box.top,
        viewBox=" ".join(map(str, window)),
    )


def _frame(box: Box) -> Element:
    sides = {"width": box.right - box.left, "height": box.bottom - box.top}
    return el("rect", x=box.left, y=box.top, rx=3, class_="frame", **sides)
