"""`residency catalog diff`: what one catalogue has and another has not, field by field."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from monitor.catalog import Catalog
from monitor.catalog.declared import Base, declared
from monitor.catalog.differences import Change, Contents, differences
from monitor.catalog.regions import read_regions
from monitor.commands.base import FILE, catalog_option, clear_errors
from monitor.commands.catalog.shared import json_option, load
from monitor.commands.edge import reader_may_leave, say
from monitor.commands.terminal import echo, json_line, printable, width
from monitor.documents import Source
from monitor.files import InputError, read_source, unreadable
from monitor.load import load_jurisdictions
from monitor.wording import wrapped

DIFFERENT = 1  # as diff(1) has it
REGIONS = "regions.csv"
_SIGNS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}


@click.command("diff")
@click.argument("paths", nargs=-1, type=FILE, metavar="[OLD [NEW]]")
@catalog_option
@json_option
def command(paths: Sequence[Path], catalogs: Sequence[Path], as_json: bool) -> None:
    """Compare two catalogues: what was added, removed or changed, field by field.

    OLD and NEW are catalogue files, or folders of them, with their own regions.csv if there is one. Without
    NEW, OLD is compared with the built-in catalogue; without both, the built-in one with what it becomes by
    --catalog. In which file an entry stands does not count.

    \b
    Examples:
      residency catalog diff catalogue-2025/ catalogue-2026/
      residency catalog diff our-llms.yaml.old our-llms.yaml
      residency catalog diff catalogue-2025/
      residency catalog diff --catalog our-llms.yaml

    \b
    Exit status, as diff(1): 0 no difference; 1 different;
    2 usage, or a file that cannot be used.
    """
    if len(paths) > 2:
        raise click.UsageError("two catalogues at most: OLD and NEW")
    if bool(catalogs) == bool(paths):
        raise click.UsageError("name OLD, or OLD and NEW; or --catalog FILE alone, to see what it changes")
    built_in = load(())
    with clear_errors():
        old = _contents(paths[0], built_in) if paths else _all(built_in)
        new = _contents(paths[1], built_in) if len(paths) == 2 else _all(load(catalogs))
    if len(paths) == 1 and not old.regions:
        new = Contents(new.providers, (), new.endpoints, new.concealers)
    sys.exit(_print(differences(old, new), as_json=as_json))


def _print(changes: Iterator[Change], *, as_json: bool) -> int:
    counts: Counter[str] = Counter()
    columns = width()

    def lines() -> Iterator[str]:
        for change in changes:
            counts[change.change] += 1
            yield from [json_line(change)] if as_json else _lines(change, columns)

    with reader_may_leave():
        echo(lines())
    for _ in changes:  # what a reader that went away did not take
        counts["changed"] += 1
    if not as_json and counts:
        say(f"residency: {', '.join(f'{counts[name]:,} {name}' for name in _SIGNS)}")
    return DIFFERENT if counts else 0


def _lines(change: Change, columns: int) -> Iterator[str]:
    sign, colour = _SIGNS[change.change]
    for line in wrapped(f"{sign} {change.kind} {printable(change.key)}", columns):
        yield click.style(line, fg=colour)
    for field in change.fields:
        old, new = _text(getattr(change.old, field)), _text(getattr(change.new, field))
        yield from (f"    {line}" for line in wrapped(f"{field}: {old} -> {new}", columns - 4))


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return printable("none" if value is None else str(value))


def _all(catalog: Catalog) -> Contents:
    """All that a compiled catalogue holds."""
    regions = tuple(catalog.regions.values())
    return Contents(tuple(catalog.providers.values()), regions, catalog.endpoints, catalog.concealers)


def _contents(path: Path, built_in: Catalog) -> Contents:
    """What a file, or the files of a folder, declare. They may refer to what is built in."""
    jurisdictions = load_jurisdictions()
    regions = dict(built_in.regions)
    table = _region_table(path)
    if table is not None:
        own = read_regions(table, jurisdictions)
        regions |= own
    contents = declared(_sources(path), Base(built_in.providers, regions, jurisdictions))
    own_regions = tuple(own.values()) if table is not None else ()
    return Contents(contents.providers, own_regions, contents.endpoints, contents.concealers)


def _sources(path: Path) -> list[Source]:
    if not path.is_dir():
        return [read_source(path)]
    try:
        files = sorted(file for file in path.iterdir() if file.suffix in (".yaml", ".yml"))
    except OSError as error:
        raise unreadable(path, error) from None
    if not files:
        raise InputError(str(path), "no .yaml file in it", "name a folder of catalogue files")
    return [read_source(file) for file in files]


def _region_table(path: Path) -> Source | None:
    """The table of regions in a folder, or beside it as the built-in one lies."""
    if not path.is_dir():
        return None
    for place in (path / REGIONS, path.resolve().parent / REGIONS):
        if place.is_file():
            return read_source(place)
    return None
