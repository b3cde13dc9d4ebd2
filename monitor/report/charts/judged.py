"""How judgements look in every chart, and what they are called: a colour, a hatch, a word. Pure."""

from collections.abc import Iterable, Iterator, Mapping

from monitor.report.charts.hatching import Stroke, hatch, hatched, hatched_box
from monitor.report.charts.spreading import Box
from monitor.report.charts.svg import FONT, VIEW_WIDTH, Element, el, text_width
from monitor.report.types import JUDGEMENTS, Judgement
from monitor.tally import Destination

WORDS: dict[Judgement, str] = {
    "violation": "outside policy",
    "indeterminate": "could not be decided",
    "unassigned": "no source group",
    "excepted": "under an exception",
    "allow": "within policy",
    "inventory": "not judged: no policy",
}
SIGNS: dict[Judgement, str] = {"violation": "\u25b2", "indeterminate": "?"}  # before a label
_HATCHES: dict[Judgement, tuple[Stroke, ...]] = {
    "violation": ("rising",),
    "indeterminate": ("dotted",),
    "unassigned": ("close",),
    "excepted": ("level",),
}
LINE = 24  # height of a line of a legend
_SWATCH = 24


def judgement(row: Destination) -> Judgement:
    """Return what was made of a row's connections."""
    return row.key.outcome or "inventory"


def counted(rows: Iterable[Destination]) -> dict[Judgement, int]:
    """Return connections by judgement, worst first, without zeros."""
    counts = dict.fromkeys(JUDGEMENTS, 0)
    for row in rows:
        counts[judgement(row)] += row.count.flows
    return {name: count for name, count in counts.items() if count}


def in_words(counts: Mapping[Judgement, int]) -> str:
    """Return counts as a sentence lists them."""
    return ", ".join(f"{counts[name]:,} {WORDS[name]}" for name in JUDGEMENTS if counts.get(name))


def hatches(chart: str, shapes: Mapping[Judgement, str], box: Box) -> Iterator[Element]:
    """Yield what lies over shapes (path data, in a box) so that their judgement is told without colour."""
    for name, shape in shapes.items():
        if name in _HATCHES and shape:
            yield from hatched(f"{chart}-{name}", el("path", d=shape), hatch(_HATCHES[name], box))


def swatch(name: Judgement) -> Element:
    """Return a small square that looks as a judgement does."""
    return hatched_box(Box(0, 0, 16, 16), _HATCHES.get(name, ()), f"swatch fill-{name} stroke-{name}")


def legend(counts: Mapping[Judgement, int], top: float) -> tuple[list[Element], float]:
    """Return a legend of what there is, with counts, and how high it is."""
    items = [
        (
            swatch(name),
            f"{SIGNS.get(name, '')} {WORDS[name]} {counts[name]:,}".strip(),
        )
        for name in JUDGEMENTS
        if counts.get(name)
    ]
    return in_lines(items, 0, top, VIEW_WIDTH)


def in_lines(
    items: Iterable[tuple[Element, str]], left: float, top: float, right: float
) -> tuple[list[Element], float]:
    """Return swatches (of 16 by 16) with their words in lines from ``top`` on, and the height of these."""
    x, y = left, top
    drawn = []
    for swatch, words in items:
        wide = _SWATCH + text_width(words) + 14
        if x > left and x + wide > right:
            x, y = left, y + LINE
        words_at = el("text", words, x=_SWATCH, y=13, class_="label")
        drawn.append(el("g", swatch, words_at, transform=f"translate({round(x)} {round(y)})"))
        x += wide
    return drawn, y + LINE - top if drawn else 0.0


def nothing(words: str) -> Element:
    """Return what a chart without data says."""
    return el("text", words, x=VIEW_WIDTH / 2, y=FONT * 2.5, class_="muted", text_anchor="middle")


EMPTY_HEIGHT = FONT * 4
