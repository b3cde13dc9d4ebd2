"""A board, and the dashboard that Grafana reads: what all boards have in common is said here once."""

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as model
from msgspec import Struct

from grafana.annotations import marks
from grafana.layout import Placed, Section, place
from grafana.links import TAG, between_boards
from grafana.variables import datasource


class Board(Struct, frozen=True):
    """One board. ``since`` is how long back it looks at first; ``variables`` come after the data source."""

    uid: str
    title: str
    says: str
    variables: tuple[model.VariableModel, ...]
    sections: tuple[Section, ...]
    since: str = "now-24h"


class Made(Struct, frozen=True):
    """A dashboard, and the targets that have data once a capture was counted, by panel id."""

    dashboard: model.Dashboard
    must: list[tuple[int, str]]


def made(board: Board) -> Made:
    """Return the dashboard of a board."""
    placed = place(board.sections)
    return Made(_dashboard(board, placed), placed.must)


def _dashboard(board: Board, placed: Placed) -> model.Dashboard:
    dashboard = (
        build.Dashboard(board.title)
        .uid(board.uid)
        .description(board.says)
        .tags([TAG])
        .readonly()
        .timezone("browser")
        .time(board.since, "now")
        .refresh("1m")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .build()
    )
    dashboard.templating = model.DashboardDashboardTemplating([datasource(), *board.variables])
    dashboard.annotations = model.AnnotationContainer(marks())
    dashboard.links = [between_boards()]
    dashboard.panels = placed.panels
    return dashboard
