"""Draws the land of the map: once for the world, and once more, by reference, for Europe enlarged."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from monitor.report.charts.spreading import Box
from monitor.report.charts.svg import VIEW_WIDTH, Element, el
from monitor.report.charts.types import Atlas

NAME = "world"


def lands(
    atlas: Atlas, reached: AbstractSet[str], within: AbstractSet[str], panels: tuple[Box, Box]
) -> Iterator[Element]:
    """Yield the land in both panels: what was reached is darker, what is within the one group is hatched."""
    kinds: dict[str, list[str]] = {"": [atlas.land]}
    for code, shape in atlas.shapes.items():
        kind = ("group" if code in within else "") + ("reached" if code in reached else "")
        kinds.setdefault(kind, []).append(shape)
    drawn = [_land(kind, "".join(shapes)) for kind, shapes in sorted(kinds.items())]
    x, y, width, height = atlas.europe
    scale = VIEW_WIDTH / atlas.width
    world, europe = panels
    yield _group_patterns()
    yield _panel(world, (0, 0, atlas.width, atlas.height), el("g", *drawn, id=f"{NAME}-land"))
    yield _frame(Box(x * scale, y * scale, (x + width) * scale, (y + height) * scale))
    yield _panel(europe, atlas.europe, el("use", href=f"#{NAME}-land"))
    yield _frame(europe)
    yield el("text", "Europe, enlarged", x=europe.left + 8, y=europe.bottom - 9, class_="muted halo")


def _land(kind: str, shapes: str) -> Element:
    if kind.startswith("group"):
        return el("path", class_="border", fill=f"url(#{NAME}-{kind})", d=shapes)
    return el("path", class_=f"border land-{kind or 'plain'}", d=shapes)


def _group_patterns() -> Element:
    """Return the hatch of land in the group; its units are the map's."""
    tiles = [
        el(
            "pattern",
            el("rect", width=64, height=64, class_=f"land-{kind}"),
            el("path", d="M-16 16l32-32M0 64l64-64M48 80l32-32", class_="group-line"),
            id=f"{NAME}-group{kind.removeprefix('plain')}",
            width=64,
            height=64,
            patternUnits="userSpaceOnUse",
        )
        for kind in ("plain", "reached")
    ]
    return el("defs", *tiles)


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
