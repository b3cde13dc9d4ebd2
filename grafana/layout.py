"""Where panels stand: bands of one height across all 24 columns, under rows that may be folded.

Places and ids follow from the order alone. A band that does not fill the columns is a mistake of the board's.
"""

from collections.abc import Iterator, Sequence
from itertools import count

from grafana_foundation_sdk.models import dashboard as model
from msgspec import Struct

from grafana.panels import Drawn

COLUMNS = 24


class Band(Struct, frozen=True):
    """Panels side by side, each with its width in columns."""

    height: int
    panels: tuple[tuple[Drawn, int], ...]


class Section(Struct, frozen=True):
    """Bands under a row with a title; without one there is no row, and they are always seen."""

    title: str
    bands: tuple[Band, ...]
    collapsed: bool = False


class Placed(Struct, frozen=True):
    """All that stands on a board, and the targets that have data once a capture was counted, by panel id."""

    panels: list[model.Panel | model.RowPanel]
    must: list[tuple[int, str]]


def band(height: int, *panels: tuple[Drawn, int]) -> Band:
    """Return panels side by side; raise ValueError where they do not fill the columns."""
    width = sum(each for _, each in panels)
    if width != COLUMNS:
        raise ValueError(f"a band is {width} columns wide, not {COLUMNS}")
    return Band(height, panels)


def even(height: int, *panels: Drawn) -> Band:
    """Return panels of one width side by side."""
    return band(height, *[(each, COLUMNS // len(panels)) for each in panels])


def place(sections: Sequence[Section]) -> Placed:
    """Give all panels their ids and places."""
    placed = Placed([], [])
    ids = count(1)
    top = 0
    for section in sections:
        row = _row(section, next(ids), top) if section.title else None
        inside = [*_panels(section, ids, top + (row is not None))]
        placed.must.extend((_id(drawn.panel), ref) for drawn in inside for ref in drawn.must)
        panels = [drawn.panel for drawn in inside]
        if row is not None:
            placed.panels.append(row)
            top += 1
        if row is not None and section.collapsed:
            row.panels = panels
            continue
        placed.panels.extend(panels)
        top += sum(each.height for each in section.bands)
    return placed


def _row(section: Section, number: int, top: int) -> model.RowPanel:
    place_of_row = model.GridPos(h=1, w=COLUMNS, x=0, y=top)
    return model.RowPanel(section.collapsed, section.title, grid_pos=place_of_row, id_val=number, panels=[])


def _panels(section: Section, ids: Iterator[int], top: int) -> Iterator[Drawn]:
    for each in section.bands:
        left = 0
        for drawn, width in each.panels:
            drawn.panel.id_val = next(ids)
            drawn.panel.grid_pos = model.GridPos(h=each.height, w=width, x=left, y=top)
            left += width
            yield drawn
        top += each.height


def _id(panel: model.Panel) -> int:
    return panel.id_val or 0
