"""Finds room for circles and their labels on a map, so that each can be read. Pure geometry.

Circles that overlap push one another apart, and keep a line to where they belong. A label takes the first
place around its circle that is free.
"""

import math
from collections.abc import Iterator, Sequence

import msgspec

from monitor.report.charts.svg import FONT

ROUNDS = 120
GAP = 3.0  # between circles, and from a circle to its label
_WAYS = (
    (1.0, 0.0), (-1.0, 0.0), (0.0, -1.0), (0.0, 1.0), (0.8, -0.6), (-0.8, -0.6), (0.8, 0.6), (-0.8, 0.6),
    (0.96, -0.28), (-0.96, -0.28), (0.96, 0.28), (-0.96, 0.28),
)  # fmt: skip
_REACHES = (0.0, 9.0, 20.0, 34.0, 50.0, 70.0, 95.0)  # how far from its circle a label may be
# What a label's place costs: the area of labels and of circles that it covers, the area beyond the room, how
# far it is from its circle, each circle that its line crosses.
_COVERED, _UNCLEAR, _OUTSIDE, _AWAY, _CROSSED = 12.0, 2.0, 12.0, 1.5, 60.0
_CLOSE = 4.0  # a label so near to another's circle seems to be that one's


class Box(msgspec.Struct, frozen=True):
    """A rectangle: its left upper corner and its right lower one."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: "Box") -> float:
        """Return the area that two have in common."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(wide, 0.0) * max(high, 0.0)

    def holds(self, x: float, y: float) -> bool:
        """Say whether a point is in it."""
        return self.left <= x < self.right and self.top <= y < self.bottom

    def nearest(self, x: float, y: float) -> tuple[float, float]:
        """Return its point that is nearest to another."""
        return min(max(x, self.left), self.right), min(max(y, self.top), self.bottom)

    def area(self) -> float:
        """Return its area."""
        return (self.right - self.left) * (self.bottom - self.top)


class Circle(msgspec.Struct, frozen=True):
    """A circle that belongs at a place, and may be drawn beside it."""

    x: float
    y: float
    radius: float

    def box(self, margin: float = 0.0) -> Box:
        """Return the square around it."""
        half = self.radius + margin
        return Box(self.x - half, self.y - half, self.x + half, self.y + half)


def spread(circles: Sequence[Circle], room: Box) -> list[Circle]:
    """Return the circles, moved so far that they do not overlap as far as the room allows."""
    now = [_within(circle, room) for circle in circles]
    for _ in range(ROUNDS):
        moved = False
        for second in range(len(now)):
            for first in range(second):
                pushed = _pushed(now[first], now[second])
                if pushed is not None:
                    now[first], now[second] = (_within(circle, room) for circle in pushed)
                    moved = True
        if not moved:
            break
    return now


def _pushed(first: Circle, second: Circle) -> tuple[Circle, Circle] | None:
    """Return two circles half as far into each other; None where they are apart."""
    apart = math.dist((first.x, first.y), (second.x, second.y))
    need = first.radius + second.radius + GAP - apart
    if need <= 0.05:
        return None
    x, y = ((second.x - first.x) / apart, (second.y - first.y) / apart) if apart > 0.01 else (0.6, 0.8)
    lighter = first.radius / (first.radius + second.radius)  # the smaller one gives way
    back, on = need * 0.6 * (1 - lighter), need * 0.6 * lighter
    return (
        Circle(first.x - x * back, first.y - y * back, first.radius),
        Circle(second.x + x * on, second.y + y * on, second.radius),
    )


def _within(circle: Circle, room: Box) -> Circle:
    x = min(max(circle.x, room.left + circle.radius + 1), room.right - circle.radius - 1)
    y = min(max(circle.y, room.top + circle.radius + 1), room.bottom - circle.radius - 1)
    return Circle(x, y, circle.radius)


def labels(circles: Sequence[Circle], widths: Sequence[float], room: Box) -> list[Box]:
    """Return where each circle's label stands: where it covers no circle and no label, or least of them."""
    taken: list[Box] = []
    found: dict[int, Box] = {}
    for index in sorted(range(len(circles)), key=lambda each: -circles[each].radius):
        own = circles[index]
        others = [circle for circle in circles if circle is not own]
        best, least = own.box(), math.inf
        for reach, box in _around(own, widths[index]):
            cost = _AWAY * reach + _OUTSIDE * (box.area() - box.overlap(room))
            cost += _COVERED * sum(box.overlap(label) for label in taken)
            cost += _UNCLEAR * sum(box.overlap(circle.box(_CLOSE)) for circle in others)
            cost += _CROSSED * sum(_crosses(own, box, circle) for circle in others) if reach else 0.0
            if cost < least - 0.01:
                best, least = box, cost
        found[index] = best
        taken.append(best)
    return [found[index] for index in range(len(circles))]


def _crosses(circle: Circle, box: Box, other: Circle) -> bool:
    """Say whether the line from a circle to its label runs over another circle."""
    x, y = box.nearest(circle.x, circle.y)
    steps = [
        (circle.x + (x - circle.x) * part / 8, circle.y + (y - circle.y) * part / 8) for part in range(1, 9)
    ]
    return any(math.dist(step, (other.x, other.y)) < other.radius + 1 for step in steps)


def _around(circle: Circle, width: float) -> Iterator[tuple[float, Box]]:
    """Yield places around a circle with how far away they are, the nearest first."""
    high = FONT * 1.05
    for reach in _REACHES:
        for x, y in _WAYS:
            away = circle.radius + GAP + reach
            middle_x = circle.x + x * away + (0.0 if abs(x) < 0.1 else math.copysign(width / 2, x))
            middle_y = circle.y + y * away + (0.0 if abs(y) < 0.1 else math.copysign(high / 2, y))
            left, top = middle_x - width / 2, middle_y - high / 2
            yield reach, Box(left, top, left + width, top + high)
