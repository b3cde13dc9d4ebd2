"""Draws whose clients reached which provider, and where: bands as wide as they have connections.

Bands of one judgement stay apart, and those outside policy lie on top and are never too thin to be seen.
"""

from collections.abc import Iterator, Sequence

from monitor.counts import FlowCount
from monitor.report.charts.folding import COLUMNS, Band, Flow, folded
from monitor.report.charts.judged import (
    EMPTY_HEIGHT,
    WORDS,
    counted,
    hatches,
    in_words,
    legend,
    nothing,
)
from monitor.report.charts.layout import Node, Ribbon, laid_out
from monitor.report.charts.spreading import Box
from monitor.report.charts.svg import FONT, VIEW_WIDTH, Element, drawing, el, path, shortened, text_width
from monitor.report.charts.types import Chart
from monitor.report.types import JUDGEMENTS
from monitor.tally import Destination
from monitor.wording import plural, size

NAME = "sankey"
TITLE = "From source groups to providers and places"
TOP = 34.0  # below the heads of the columns
_LEFT, _RIGHT = 236.0, 724.0  # inner edges of the outer columns
_NODE = 10.0  # width of a node there
_BOX = (394.0, 566.0)  # of a provider, whose name is inside
_BOX_HEIGHT = 20.0
_ENDS = ((_LEFT, _BOX[0]), (_BOX[1], _RIGHT))  # of the bands in each gap


def sankey(rows: Sequence[Destination]) -> Chart:
    """Return the flow of connections from source groups over providers to places."""
    counts = counted(rows)
    if not counts:
        words = "No connection to an LLM provider was read for this period."
        return Chart(drawing(NAME, TITLE, words, EMPTY_HEIGHT, nothing(words)), TITLE, words)
    flow = folded([row for row in rows if row.count.flows])
    layout = laid_out(flow)
    key, high = legend(counts, TOP + layout.height + 18)
    parts = list(_heads())
    for number, gap in enumerate(layout.gaps):
        parts += _ribbons(number, gap, layout.height)
    for index, column in enumerate(layout.columns):
        for node in column:
            parts += _node(node, flow.columns[index][node.name], index)
    describes = _describes(flow) + f" Of all: {in_words(counts)}."
    height = TOP + layout.height + 18 + high
    return Chart(drawing(NAME, TITLE, describes, height, *parts, *key), TITLE, describes)


def _describes(flow: Flow) -> str:
    groups, providers, places = (
        ", ".join(f"{name} {count.flows:,}" for name, count in _largest(column)) for column in flow.columns
    )
    return (
        f"Connections by source group: {groups}; by provider: {providers}; by place: {places}. "
        "A place is where the connection ended, as far as the evidence names one."
    )


def _largest(column: dict[str, FlowCount]) -> list[tuple[str, FlowCount]]:
    return sorted(column.items(), key=lambda each: (-each[1].flows, each[0]))


def _heads() -> Iterator[Element]:
    places = ((_LEFT - _NODE, "end"), (VIEW_WIDTH / 2, "middle"), (_RIGHT + _NODE, "start"))
    for words, (x, anchor) in zip(COLUMNS, places, strict=True):
        yield el("text", words, x=x, y=FONT, class_="muted", text_anchor=anchor)


def _ribbons(gap: int, ribbons: Sequence[Ribbon], height: float) -> Iterator[Element]:
    """Yield the bands of a gap, the worst last, with their hatches."""
    box = Box(_ENDS[gap][0], TOP, _ENDS[gap][1], TOP + height)
    for name in reversed(JUDGEMENTS):
        shapes = [(each.band, _shape(each, box)) for each in ribbons if each.band.judgement == name]
        for band, shape in shapes:
            yield el("path", el("title", _tells(band)), d=shape, class_=f"link fill-{name}")
        yield from hatches(f"{NAME}-{gap}", {name: "".join(shape for _, shape in shapes)}, box)


def _shape(ribbon: Ribbon, box: Box) -> str:
    start, end, high = TOP + ribbon.leaves, TOP + ribbon.reaches, ribbon.height
    bend = (box.left + box.right) / 2
    return path(
        *("M", box.left, start, "C", bend, start, bend, end, box.right, end, "V", end + high),
        *("C", bend, end + high, bend, start + high, box.left, start + high, "Z"),
    )


def _tells(band: Band) -> str:
    return f"{band.source} to {band.target}: {_counted(band.count)}, {WORDS[band.judgement]}"


def _counted(count: FlowCount) -> str:
    return f"{plural(count.flows, 'connection')}, {size(count.bytes_up)} up, {size(count.bytes_down)} down"


def _node(node: Node, count: FlowCount, column: int) -> list[Element]:
    """Return a node with its label: beside it in the outer columns, in it in the middle."""
    middle = TOP + node.top + node.height / 2
    tells = el("title", f"{node.name}: {_counted(count)}")
    if column == 1:
        high = max(node.height, _BOX_HEIGHT)
        box = {"x": _BOX[0], "y": middle - high / 2, "width": _BOX[1] - _BOX[0], "height": high}
        return [
            el(
                "g",
                tells,
                el("rect", rx=2, class_="box", **box),
                _label(node, count, middle, VIEW_WIDTH / 2, "middle"),
            )
        ]
    left = _LEFT - _NODE if column == 0 else _RIGHT
    x, anchor = (left - 6, "end") if column == 0 else (left + _NODE + 6, "start")
    bar = el("rect", x=left, y=TOP + node.top, width=_NODE, height=node.height, class_="node")
    return [el("g", tells, bar, _label(node, count, middle, x, anchor))]


def _label(node: Node, count: FlowCount, middle: float, x: float, anchor: str) -> Element:
    """Return a name, cut to the room that it has, and its connections."""
    flows = f" {count.flows:,}"
    room = {"end": x - 2, "start": VIEW_WIDTH - x - 2, "middle": _BOX[1] - _BOX[0] - 8}[anchor]
    name = shortened(node.name, room - text_width(flows))
    return el(
        "text",
        name,
        el("tspan", flows, class_="muted"),
        x=x,
        y=middle + FONT * 0.35,
        class_="label",
        text_anchor=anchor,
    )
