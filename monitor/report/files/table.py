"""A flat table with typed columns: what every tabular form is written from. Pure.

A column is declared with how its cell is taken from an item, so that a name and its values stay together.
"""

from collections.abc import Callable, Iterable
from typing import Generic, Literal, TypeVar

import msgspec

from monitor.counts import FlowCount

T = TypeVar("T")

Kind = Literal["text", "list", "count", "time", "flag"]  # a time is in nanoseconds of Unix time
Cell = str | int | bool | tuple[str, ...] | None


class Column(msgspec.Struct, Generic[T], frozen=True):
    """A column's name, its kind, and how an item's cell is found."""

    name: str
    kind: Kind
    of: Callable[[T], Cell]


class Head(msgspec.Struct, frozen=True):
    """What a reader of a table knows of a column."""

    name: str
    kind: Kind


class Table(msgspec.Struct, frozen=True):
    """Rows with one cell for each column. ``says`` is a sentence on what a row is."""

    name: str
    says: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]


def table(name: str, says: str, columns: Iterable[Column[T]], items: Iterable[T]) -> Table:
    """Lay items out as a table, in their order."""
    chosen = tuple(columns)
    heads = tuple(Head(each.name, each.kind) for each in chosen)
    return Table(name, says, heads, tuple(tuple(each.of(item) for each in chosen) for item in items))


def counted(of: Callable[[T], FlowCount], prefix: str = "") -> tuple[Column[T], ...]:
    """Return the three columns of a count."""
    return (
        Column(f"{prefix}connections", "count", lambda item: of(item).flows),
        Column(f"{prefix}bytes_up", "count", lambda item: of(item).bytes_up),
        Column(f"{prefix}bytes_down", "count", lambda item: of(item).bytes_down),
    )


def numbered(counts: dict[str, int]) -> tuple[str, ...]:
    """Return counts by name as a list: "3 malformed"."""
    return tuple(f"{count} {name}" for name, count in counts.items())
