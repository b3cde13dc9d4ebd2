"""How the answer of an archive is printed: as a table, as CSV, or as JSON, a row a line."""

import csv
import datetime as dt
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from monitor.commands.findings.exporting import cell
from monitor.commands.terminal import json_line, printable, shortened

if TYPE_CHECKING:
    from monitor.archive.asking import Question
    from monitor.archive.engine import Answer

MAX_CELL = 48  # columns of one cell of a table; CSV and JSON have all of it
_MAX_JSON_INT = 2**63  # a larger one is text: few readers hold it
_TIME = "%Y-%m-%d %H:%M:%S"


def question_lines(questions: Iterable["Question"]) -> Iterator[str]:
    """Yield the questions, a line each."""
    listed = list(questions)
    longest = max(len(each.name) for each in listed)
    for each in listed:
        yield f"  {each.name:<{longest}}  {each.title}"


def answer_lines(answer: "Answer", form: str) -> Iterator[str]:
    """Yield an answer's lines."""
    if form == "json":
        for row in answer.rows:
            yield json_line(dict(zip(answer.columns, map(_json, row), strict=True)))
    elif form == "csv":
        yield _csv([cell(name) for name in answer.columns])
        for row in answer.rows:
            yield _csv([each if isinstance(each, int | float) else cell(_plain(each)) for each in row])
    else:
        yield from _table(answer)


def _table(answer: "Answer") -> Iterator[str]:
    """Yield a head and the rows; numbers stand to the right."""
    texts = [[shortened(printable(_text(each)), MAX_CELL) for each in row] for row in answer.rows]
    heads = [shortened(printable(name), MAX_CELL) for name in answer.columns]
    right = [all(isinstance(row[at], int | float | None) for row in answer.rows) for at in range(len(heads))]
    sizes = [max(map(len, column)) for column in zip(heads, *texts, strict=True)]
    for line in (heads, *texts):
        cells = zip(line, sizes, right, strict=True)
        yield "  ".join(
            each.rjust(size) if is_right else each.ljust(size) for each, size, is_right in cells
        ).rstrip()


def _csv(cells: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()


def _plain(value: object) -> str | None:
    return None if value is None else _text(value)


def _text(value: Any) -> str:
    """Return a value as people and CSV have it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value}"
    if isinstance(value, dt.datetime):
        return _moment(value)
    if isinstance(value, list | tuple):
        return " ".join(map(_text, value))
    return str(value)


def _moment(value: dt.datetime) -> str:
    """Return a time, in UTC where it has a zone; fractions only where there are any."""
    utc = value.astimezone(dt.UTC) if value.tzinfo else value
    return utc.strftime(_TIME) + (f".{utc.microsecond:06d}" if utc.microsecond else "")


def _json(value: Any) -> object:
    """Return a value as JSON has it."""
    if isinstance(value, bool | str | float | None):
        return value
    if isinstance(value, int):
        return value if -_MAX_JSON_INT <= value < _MAX_JSON_INT else str(value)
    if isinstance(value, list | tuple):
        return [_json(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _json(each) for key, each in value.items()}
    return _text(value)
