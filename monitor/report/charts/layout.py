"""Puts the columns of a flow into order and gives every name and band its height. Pure geometry.

Names stand in the order that makes few bands cross (each where the bands that reach it come from, on the
average), those that stand for others last. A band is as high as it has connections, and never so thin that
it cannot be seen.
"""

from collections.abc import Mapping, Sequence

import msgspec

from monitor.counts import FlowCount
from monitor.report.charts.folding import Band, Flow

SWEEPS = 6
LEAST_BAND = 1.5
PITCH = 24.0  # from one name to the next at least, so that labels do not touch
SPACE = 8.0  # between two names
HEIGHT = 420.0  # of all that is not space


class Node(msgspec.Struct, frozen=True):
    """A name with the room that it takes in its column."""

    name: str
    top: float
    height: float


class Ribbon(msgspec.Struct, frozen=True):
    """A band with where it leaves its source and reaches its target."""

    band: Band
    leaves: float
    reaches: float
    height: float


class Layout(msgspec.Struct, frozen=True):
    """All nodes and ribbons, from 0 down to ``height``."""

    columns: tuple[tuple[Node, ...], ...]
    gaps: tuple[tuple[Ribbon, ...], ...]
    height: float


def laid_out(flow: Flow) -> Layout:
    """Return where everything stands."""
    unit = HEIGHT / max(sum(count.flows for count in column.values()) for column in flow.columns)
    orders = _ordered(flow)
    columns = []
    for index, order in enumerate(orders):
        sides = [flow.gaps[index - 1]] if index else []
        sides += [flow.gaps[index]] if index < len(flow.gaps) else []
        heights = {name: _height(name, sides, index, unit) for name in order}
        columns.append(_stacked(order, heights))
    whole = max(column[0].top + column[-1].top + column[-1].height for column in columns)
    middled = tuple(_middled(column, whole) for column in columns)
    gaps = tuple(
        _ribbons(gap, middled[index], middled[index + 1], unit) for index, gap in enumerate(flow.gaps)
    )
    return Layout(middled, gaps, whole)


def _height(name: str, sides: Sequence[Sequence[Band]], column: int, unit: float) -> float:
    """Return how high a name must be for the bands of both its sides."""
    needs = []
    for side, bands in enumerate(sides):
        into = column > 0 and side == 0
        own = [band for band in bands if (band.target if into else band.source) == name]
        needs.append(sum(_thick(band, unit) for band in own))
    return max(needs)


def _thick(band: Band, unit: float) -> float:
    return max(LEAST_BAND, band.count.flows * unit)


def _ordered(flow: Flow) -> list[list[str]]:
    """Return the names of each column in the order in which they stand (barycentre, sweeping both ways)."""
    orders = [_largest_first(column) for column in flow.columns]
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        steps = range(1, len(orders)) if down else range(len(orders) - 2, -1, -1)
        for index in steps:
            beside = orders[index - 1 if down else index + 1]
            gap = flow.gaps[index - 1 if down else index]
            orders[index] = _by_middle(orders[index], beside, gap, into=down)
    return [sorted(order, key=flow.others.__contains__) for order in orders]


def _largest_first(column: Mapping[str, FlowCount]) -> list[str]:
    return sorted(column, key=lambda name: (-column[name].flows, name))


def _by_middle(order: Sequence[str], beside: Sequence[str], gap: Sequence[Band], *, into: bool) -> list[str]:
    place = {name: index for index, name in enumerate(beside)}
    sums: dict[str, list[float]] = {name: [0.0, 0.0] for name in order}
    for band in gap:
        own, other = (band.target, band.source) if into else (band.source, band.target)
        sums[own][0] += place[other] * band.count.flows
        sums[own][1] += band.count.flows
    return sorted(order, key=lambda name: (sums[name][0] / (sums[name][1] or 1.0), order.index(name)))


def _stacked(order: Sequence[str], heights: Mapping[str, float]) -> list[Node]:
    nodes, y = [], 0.0
    for name in order:
        room = max(heights[name] + SPACE, PITCH)
        nodes.append(Node(name, y + (room - heights[name]) / 2, heights[name]))
        y += room
    return nodes


def _middled(column: Sequence[Node], whole: float) -> tuple[Node, ...]:
    """Return a column that is spread over the height of the highest."""
    last = column[-1]
    spare = (whole - (last.top + last.height + column[0].top)) / (len(column) + 1)
    return tuple(
        Node(node.name, node.top + spare * (index + 1), node.height) for index, node in enumerate(column)
    )


def _ribbons(
    gap: Sequence[Band], left: Sequence[Node], right: Sequence[Node], unit: float
) -> tuple[Ribbon, ...]:
    """Return the bands of a gap: at each name in the order of the names on the other side."""
    sources = {node.name: node for node in left}
    targets = {node.name: node for node in right}
    order = sorted(gap, key=lambda band: (sources[band.source].top, targets[band.target].top, band.judgement))
    leaves = _ends(sources, order, unit, into=False)
    back = sorted(
        order, key=lambda band: (targets[band.target].top, sources[band.source].top, band.judgement)
    )
    reaches = _ends(targets, back, unit, into=True)
    return tuple(
        Ribbon(band, leaves[band_key(band)], reaches[band_key(band)], _thick(band, unit)) for band in order
    )


def band_key(band: Band) -> tuple[str, str, str]:
    """Return what tells a band from the others of its gap."""
    return band.source, band.target, band.judgement


def _ends(
    nodes: Mapping[str, Node], bands: Sequence[Band], unit: float, *, into: bool
) -> dict[tuple[str, str, str], float]:
    """Return where each band touches its node, one below the other, as a block in the node's middle."""
    own: dict[str, list[Band]] = {}
    for band in bands:
        own.setdefault(band.target if into else band.source, []).append(band)
    ends = {}
    for name, each in own.items():
        y = nodes[name].top + (nodes[name].height - sum(_thick(band, unit) for band in each)) / 2
        for band in each:
            ends[band_key(band)] = y
            y += _thick(band, unit)
    return ends
