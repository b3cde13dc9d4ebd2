"""`residency catalog coverage`: how much of a list of names the catalogue knows."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import cast

import click

from monitor.commands.base import FILE, Failure, catalog_option
from monitor.commands.catalog.shared import json_option, load
from monitor.commands.edge import reader_may_leave
from monitor.commands.lines import batches
from monitor.commands.terminal import columns_of, echo, json_line, printable, width
from monitor.exitstatus import Exit
from monitor.files import unreadable
from monitor.namelist import CLASSES, Class, Counts, Finder, Line

MAX_LIMIT = 10_000
_MEANINGS: dict[Class, str] = {
    "matched": "LLM endpoints",
    "possible": "may be LLM traffic, or not",
    "close-call": "look like LLM traffic, and are none",
    "concealing": "hide others: encrypted DNS, VPNs, relays",
    "unmatched": "in no entry",
    "invalid": "no name and no address",
    "ignored": "blank lines and comments",
}


@click.command("coverage")
@click.argument("file", type=FILE, metavar="FILE|-")
@click.option("--unmatched", is_flag=True, help="Print the names that are in no entry, and nothing else.")
@click.option(
    "--limit", type=click.IntRange(0, MAX_LIMIT), default=20, show_default=True, metavar="N",
    help="List at most N names of each kind.",
)  # fmt: skip
@catalog_option
@json_option
def command(file: Path, unmatched: bool, limit: int, catalogs: Sequence[Path], as_json: bool) -> None:
    """Say which names of a list are LLM endpoints, may be, or are not known.

    One a line: a host name, an address, host:port or a URL, in any case, with or without the trailing
    dot. Blank lines and comments (from # on) are left out; of a line, 4,096 bytes are read. Lists of any
    length are read as a stream: --json prints one object for each name, and the totals last.

    \b
    Examples:
      residency catalog coverage names.txt
      zeek-cut server_name < ssl.log | residency catalog coverage -
      residency catalog coverage names.txt --unmatched | sort | uniq -c
      residency catalog coverage --json names.txt | jq -r .provider

    \b
    Exit status: 0 done, whatever was found; 2 usage or catalogue;
    3 FILE cannot be read.
    """
    if unmatched and as_json:
        raise click.UsageError("--unmatched prints names, --json objects; use one of them")
    finder, counts = Finder(load(catalogs)), Counts(0 if unmatched or as_json else limit)
    with _opened(file) as stream, reader_may_leave():
        for batch in batches(stream):
            lines = [finder.find(text) for text in batch]
            for line in lines:
                counts.add(line)
            if as_json:
                _emit([json_line(_name(line)) for line in lines if line.found != "ignored"])
            elif unmatched:
                _emit([printable(line.name) for line in lines if line.found == "unmatched"])
        if as_json:
            echo([json_line(_totals(counts))])
        elif not unmatched:
            echo(_summary(counts, width()))
    sys.exit(Exit.DONE)


@contextmanager
def _opened(file: Path) -> Iterator[BufferedReader]:
    """Open the list; what cannot be read ends the command."""
    if str(file) == "-":
        yield cast("BufferedReader", sys.stdin.buffer)
        return
    try:
        stream = file.open("rb")
    except OSError as error:
        raise Failure(str(unreadable(file, error)), Exit.UNREADABLE) from None
    with stream:
        yield stream


def _emit(lines: Sequence[str]) -> None:
    """Print a batch at once."""
    if lines:
        echo(["\n".join(lines)])


def _name(line: Line) -> dict[str, object]:
    return {"type": "name", **{field: getattr(line, field) for field in line.__struct_fields__}}


def _totals(counts: Counts) -> dict[str, object]:
    return {"type": "totals", "lines": counts.lines, **{name: counts.by_class[name] for name in CLASSES}}


def _summary(counts: Counts, columns: int) -> Iterator[str]:
    """Yield the counts, then the services that were met, then the first names of each class."""
    yield click.style(f"{counts.lines:,} {'line' if counts.lines == 1 else 'lines'}", bold=True)
    rows = [(f"  {name}", f"{counts.by_class[name]:>10,}", _MEANINGS[name]) for name in CLASSES]
    yield from columns_of(rows, columns)
    if counts.by_service:
        yield ""
        yield click.style("PROVIDERS", bold=True)
        pairs = [
            (f"  {provider}", f"{count:>10,}", printable(service) or "-")
            for (provider, service), count in counts.by_service.most_common()
        ]
        yield from columns_of(pairs, columns)
    for name in CLASSES:
        if counts.shown[name]:
            yield ""
            yield from _names(name, counts, columns)


def _names(name: Class, counts: Counts, columns: int) -> Iterator[str]:
    shown = counts.shown[name].values()
    yield click.style(name.upper(), bold=True)
    rows = [
        (f"  {printable(line.name or line.input)}", f"{times:>6,}", printable(_what(line)))
        for line, times in shown
    ]
    yield from columns_of(rows, columns)
    rest = counts.by_class[name] - sum(times for _, times in shown)
    if rest:
        yield f"  and {rest:,} more {'line' if rest == 1 else 'lines'}"


def _what(line: Line) -> str:
    return ", ".join(part for part in (line.provider, line.service, line.region) if part)
