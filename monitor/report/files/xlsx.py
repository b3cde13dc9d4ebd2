"""The tables as one Excel workbook, a sheet a table; "About", with coverage and limits, is the first.

Text is stored as text, never as a formula, a link or a number, and what begins like a formula is marked so
that editing the cell makes none of it either. The file's dates are those of the packets, so the same facts
give the same bytes. XlsxWriter is optional (extra ``audit``): it is imported when a workbook is written.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from monitor.replacing import Replacing
from monitor.report.document import versions_of
from monitor.report.files.cells import FORMULA, at, cell_text
from monitor.report.files.table import Cell, Kind, Table
from monitor.report.types import Facts

MAX_ROWS = 1_048_575  # what a sheet holds beside its head
WIDEST, NARROWEST = 60, 9  # columns, in characters
LOOKED_AT = 500  # rows by which a column's width is chosen
EPOCH = datetime(1980, 1, 1, tzinfo=UTC)  # where no packet has a time; ZIP archives begin then
_FIRST_YEAR, _LAST_YEAR = 1900, 9999  # of Excel's calendar
_EXACT = 1 << 53  # a larger whole number would lose its last digits

_WIDTHS: dict[Kind, int] = {"time": 23, "count": 12, "flag": 10}


def write_xlsx(facts: Facts, tables: Sequence[Table], path: Path) -> None:
    """Write the workbook. Raises OSError."""
    import xlsxwriter  # noqa: PLC0415  optional

    with Replacing(path) as file:
        workbook = xlsxwriter.Workbook(file, {"constant_memory": True})
        workbook.set_properties(_properties(facts))
        writer = _Writer(workbook)
        for table in tables:
            writer.add(table)
        workbook.close()


def _properties(facts: Facts) -> dict[str, object]:
    last = facts.seen_period.until_ns
    created = at(last) if last is not None else None
    if created is None or created < EPOCH:
        created = EPOCH
    versions = versions_of(facts)
    return {
        "title": cell_text(facts.title, "text"),
        "author": f"Residency Monitor {facts.tool}",
        "comments": f"SHA-256 of the facts: {versions['residency.facts-sha256']}",
        "created": created.replace(microsecond=0, tzinfo=None),
    }


class _Writer:
    """Adds tables to a workbook, a sheet each."""

    def __init__(self, workbook: Any) -> None:
        self._workbook = workbook
        self._head = workbook.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self._text = workbook.add_format({"valign": "top", "text_wrap": True})
        self._quoted = workbook.add_format({"valign": "top", "text_wrap": True, "quote_prefix": True})
        self._number = workbook.add_format({"valign": "top", "num_format": "#,##0"})
        self._time = workbook.add_format({"valign": "top", "num_format": "yyyy-mm-dd hh:mm:ss.000"})

    def add(self, table: Table) -> None:
        """Add a table; rows that a sheet cannot hold are left out."""
        sheet = self._workbook.add_worksheet(table.name.capitalize())
        rows = table.rows[:MAX_ROWS]
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, len(rows), len(table.heads) - 1)
        for column, head in enumerate(table.heads):
            sheet.set_column(column, column, _width(table, column))
            sheet.write_string(0, column, head.name, self._head)
        for number, row in enumerate(rows, 1):
            for column, (cell, head) in enumerate(zip(row, table.heads, strict=True)):
                self._write(sheet, (number, column), cell, head.kind)

    def _write(self, sheet: Any, place: tuple[int, int], cell: Cell, kind: Kind) -> None:
        if cell is None:
            return
        if kind == "time" and isinstance(cell, int):
            moment = at(cell)
            if moment is not None and _FIRST_YEAR < moment.year <= _LAST_YEAR:
                sheet.write_datetime(*place, moment.replace(tzinfo=None), self._time)
                return
        elif isinstance(cell, bool):
            sheet.write_boolean(*place, cell, self._text)
            return
        elif isinstance(cell, int) and abs(cell) < _EXACT:
            sheet.write_number(*place, cell, self._number)
            return
        text = cell_text(cell, kind)
        if text:
            sheet.write_string(*place, text, self._quoted if text.startswith(FORMULA) else self._text)


def _width(table: Table, column: int) -> int:
    head = table.heads[column]
    texts = (cell_text(row[column], head.kind) for row in table.rows[:LOOKED_AT])
    least = max(_WIDTHS.get(head.kind, NARROWEST), len(head.name) + 3)  # the filter's arrow needs room
    return min(max([least, *map(len, texts)]), WIDEST)
