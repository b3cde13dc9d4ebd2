"""The tables as CSV: one file a table, RFC 4180, UTF-8, with a head.

A text that would be taken for a formula has an apostrophe before it: see `cells`.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from monitor.replacing import Replacing
from monitor.report.files.cells import cell_text, guarded
from monitor.report.files.table import Table


def write_csv(table: Table, path: Path) -> None:
    """Write a table. Raises OSError."""
    with Replacing(path) as file:
        file.writelines(_lines(table))


def _lines(table: Table) -> Iterator[bytes]:
    kinds = [head.kind for head in table.heads]
    yield _line([head.name for head in table.heads])
    for row in table.rows:
        texts = (cell_text(cell, kind) for cell, kind in zip(row, kinds, strict=True))
        # A number may well begin with a minus.
        yield _line(
            [text if kind == "count" else guarded(text) for text, kind in zip(texts, kinds, strict=True)]
        )


def _line(cells: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()
