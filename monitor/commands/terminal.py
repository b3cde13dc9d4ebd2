"""What goes to a terminal: its width, its colours, and only characters that it prints.

Names come from the network and notes from files, so an escape sequence in one must never be carried out.
"""

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence

import click
import msgspec

MIN_WIDTH, MAX_WIDTH = 40, 120
FIRST_COLUMN, LAST_COLUMN = 10, 24  # of a table, at least where there is room
_encode = msgspec.json.Encoder().encode


def width() -> int:
    """Return how wide text may be: COLUMNS, or else the terminal's, or else 80."""
    return min(max(shutil.get_terminal_size().columns, MIN_WIDTH), MAX_WIDTH)


def printable(text: str) -> str:
    """Return text with what no terminal prints written out, as in ``\\x1b[31m``."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _written(each) for each in text)


def shortened(text: str, room: int) -> str:
    """Return text that fits into so many columns."""
    return text if len(text) <= room else f"{text[: room - 3]}..."


def echo(lines: Iterable[str]) -> None:
    """Print lines; in colour on a terminal only, and not where NO_COLOR is set."""
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    for line in lines:
        click.echo(line, color=False if plain else None)


def json_line(value: object) -> str:
    """Return a value as one line of JSON, which a terminal can show as well."""
    line = _encode(value).decode()
    return line if line.isprintable() else "".join(map(_in_json, line))


def labelled(label: str, value: str, columns: int) -> str:
    """Return an indented ``label  value`` paragraph, whose longest words are broken to fit the width."""
    return textwrap.fill(
        printable(value),
        columns,
        initial_indent=f"  {label:<11} ",
        subsequent_indent=" " * 14,
        break_on_hyphens=False,
    )


def tree(title: str, items: Sequence[str], columns: int, colour: str | None = None) -> Iterator[str]:
    """Yield a title and its branches, each a paragraph."""
    if not items:
        return
    yield "  " + click.style(title, fg=colour, bold=colour is not None)
    fork, last, trunk = _branches()
    for index, item in enumerate(items):
        final = index == len(items) - 1
        yield from textwrap.wrap(
            printable(item),
            columns,
            initial_indent=f"  {last if final else fork} ",
            subsequent_indent=f"  {'  ' if final else trunk}   ",
            break_on_hyphens=False,
        )


def columns_of(rows: Sequence[Sequence[str]], room: int) -> Iterator[str]:
    """Yield rows as a table. A first cell that is too long has a line of its own, a last one is cut."""
    if not rows:
        return
    middle = [max(len(row[at]) for row in rows) for at in range(1, len(rows[0]) - 1)]
    spare = room - sum(middle) - 2 * len(middle) - 2 - LAST_COLUMN
    first = min(max(len(row[0]) for row in rows), max(spare, FIRST_COLUMN))
    for row in rows:
        cells = [cell.ljust(size) for cell, size in zip(row[1:-1], middle, strict=True)]
        rest = "  ".join([*cells, row[-1]])
        if len(row[0]) > first:
            yield from textwrap.wrap(row[0], room, subsequent_indent="  ", break_on_hyphens=False)
            yield shortened(f"{'':<{first}}  {rest}".rstrip(), room)
        else:
            yield shortened(f"{row[0]:<{first}}  {rest}".rstrip(), room)


def _branches() -> tuple[str, str, str]:
    """Return how branches are drawn, by what the output's encoding can write."""
    try:
        "├└─│".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "|-", "`-", "| "
    return "├─", "└─", "│ "


def _written(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _in_json(character: str) -> str:
    """Return a character of JSON text, written out where a terminal may obey it."""
    if character.isprintable():
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
