"""`residency catalog lint`: everything that is wrong or doubtful in catalogue files, with file and line."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from monitor import app
from monitor.catalog.endpoints import CatalogFile
from monitor.commands.base import FILE
from monitor.commands.catalog.shared import json_option
from monitor.commands.edge import reader_may_leave, say
from monitor.commands.terminal import echo, json_line, printable
from monitor.documents import DocumentError, Problem, decode
from monitor.exitstatus import Exit
from monitor.files import InputError, read_source
from monitor.wording import plural

_COLOURS = {"error": "red", "warning": "yellow"}


@click.command("lint")
@click.argument("files", nargs=-1, type=FILE, metavar="[FILES]...")
@json_option
def command(files: Sequence[Path], as_json: bool) -> None:
    """Check catalogue files of your own, or, without FILES, the built-in ones.

    Errors are what the schema does not allow, names that stand twice, patterns that win by chance, unknown
    providers, regions and countries. Warnings are entries that stand before built-in ones. FILES are checked
    together, as --catalog would use them.

    \b
    Examples:
      residency catalog lint our-llms.yaml
      residency catalog lint llms/*.yaml --json
      residency catalog lint

    \b
    Exit status: 0 no errors (warnings may be printed); 2 errors.
    """
    problems = list(_problems(files))
    errors = sum(problem.level == "error" for problem in problems)
    with reader_may_leave():
        if as_json:
            echo(json_line(problem) for problem in problems)
        else:
            echo(click.style(printable(str(problem)), fg=_COLOURS[problem.level]) for problem in problems)
    if not as_json:
        checked = plural(len(files), "file") if files else "the built-in catalogue"
        warnings = plural(len(problems) - errors, "warning")
        say(f"residency: {checked}: {plural(errors, 'error')}, {warnings}{'' if errors else ', ok'}")
    sys.exit(Exit.USAGE if errors else Exit.DONE)


def _problems(files: Sequence[Path]) -> Iterator[Problem]:
    """Yield the mistakes of each file by itself; where there is none, those of all together."""
    good = True
    for path in files:
        try:
            decode(read_source(path), CatalogFile)
        except DocumentError as error:
            good = False
            yield from error.problems
        except InputError as error:
            good = False
            yield Problem(error.path, 1, error.problem, error.mend)
    if not good:
        return
    try:
        yield from app.load_knowledge(catalogs=files).catalog.shadowed
    except DocumentError as error:
        yield from error.problems
