"""`residency report`: what was recorded over a period, as a page, as tables, and on paper."""

import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from monitor.commands.base import FILE, Failure, clear_errors
from monitor.commands.edge import reader_may_leave
from monitor.commands.report_text import lines, status
from monitor.commands.terminal import echo, width
from monitor.commands.when import SINCE, UNTIL
from monitor.exitstatus import Exit
from monitor.exports import DECISIONS, FINDINGS
from monitor.files import InputError
from monitor.rejudge.files import refuse_inputs
from monitor.report.document import facts_json
from monitor.report.files.writing import Form, require, write_report
from monitor.report.question import Question
from monitor.report.types import Facts, People, Period

DEFAULT_OUT = Path("residency-report")
LONG_LENGTH = 5_000_000  # bytes that are read: from there on a terminal gets a progress bar
FORMS: tuple[Form, ...] = ("html", "csv", "xlsx", "parquet", "pdf", "json")


@click.command("report")
@click.argument("paths", nargs=-1, required=True, type=FILE, metavar="PATH...")
@click.option("--out", type=FILE, metavar="DIR", help="Leave the files there; residency-report by default.")
@click.option(
    "--format",
    "forms",
    type=click.Choice(FORMS),
    multiple=True,
    help="Which form (repeatable); html by default.",
)
@click.option(
    "--policy",
    "policies",
    type=FILE,
    multiple=True,
    metavar="FILE",
    help="A policy that judged, where no input holds its text (repeatable).",
)
@click.option("--tenant", metavar="T", help="Only this tenant's.")
@click.option("--since", type=SINCE, metavar="WHEN", help="From this day or time on (UTC).")
@click.option("--until", type=UNTIL, metavar="WHEN", help="To this day, which is in it, or before this time.")
@click.option("--title", metavar="TEXT", help="What the report is called.")
@click.option(
    "--min-clients",
    type=click.IntRange(min=1),
    default=People().least_clients,
    show_default=True,
    metavar="N",
    help="Give no number of clients below this, and put together rows of fewer that are within policy.",
)
@click.option("--clients", is_flag=True, help="Show the addresses of clients.")
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON instead of the summary.")
def command(
    paths: Sequence[Path],
    out: Path | None,
    forms: Sequence[Form],
    policies: Sequence[Path],
    tenant: str | None,
    since: int | None,
    until: int | None,
    title: str | None,
    min_clients: int,
    clients: bool,
    as_json: bool,
) -> None:
    """Report what was recorded, for people who were not there: an audit report.

    PATHs are what `residency replay --out` left, ledgers (of one tenant or of
    all), or findings.jsonl files. The report is one HTML file that needs no
    network; other forms are tables for other programs, and paper.

    \b
    Examples:
      residency report audit/
      residency report /var/lib/residency/ledger --tenant acme \\
          --since 2026-03-01 --until 2026-03-31 --out march/
      residency report audit/ --format html --format pdf --format xlsx
      residency report audit/ --json | jq .outcomes

    WHEN is a day or a time: --until 2026-03-31 has that day in it, --until
    2026-03-31T00:00:00Z ends before it. With --json alone nothing is written.
    Verify a ledger before (`residency verify`): a report does not.

    \b
    Exit status: 0 done; 1 the report lists violations; 2 usage, policy, no
    room, or what a form needs is missing; 3 an input cannot be read;
    4 incomplete: records that could not be used, or traffic that was lost.
    """
    wanted = tuple(forms) or (() if as_json and out is None else ("html",))
    if since is not None and until is not None and since >= until:
        raise click.UsageError("--since is not before --until: no time is between them")
    with clear_errors():
        require(wanted)
        folder = out if out is not None else DEFAULT_OUT
        if wanted:
            refuse_inputs(folder, [path for path in paths if _is_ledger(path)])
    people = People(min_clients, clients)
    question = Question(tuple(paths), tuple(policies), tenant, Period(since, until), people, title)
    facts = _gathered(question)
    with clear_errors():
        written = write_report(facts, folder, wanted)
    with reader_may_leave():
        if as_json:
            click.echo(facts_json(facts), nl=False)
        else:
            echo(lines(facts, written, width()))
    sys.exit(status(facts))


def _is_ledger(path: Path) -> bool:
    """Whether a path is a folder that is no replay's: what is recorded is never written to."""
    return path.is_dir() and not any((path / name).is_file() for name in (DECISIONS, FINDINGS))


def _gathered(question: Question) -> Facts:
    """Read what was asked for; what cannot be read ends the command."""
    from monitor.report.reading import gather, input_length  # noqa: PLC0415

    gc.freeze()  # all that was loaded stays, and need not be looked through for garbage again and again
    try:
        with _progress(question, input_length) as progress:
            return gather(question, progress)
    except InputError as error:
        mine = {f"tenant {question.tenant!r}", *map(str, question.policies)}
        raise Failure(str(error), Exit.USAGE if error.path in mine else Exit.UNREADABLE) from None


@contextmanager
def _progress(
    question: Question, length: Callable[[Question], int]
) -> Iterator[Callable[[int], object] | None]:
    """Show a progress bar on a terminal while much is read."""
    total = length(question) if sys.stderr.isatty() else 0
    if total < LONG_LENGTH:
        yield None
        return
    with click.progressbar(length=total, label="reading", file=sys.stderr, show_pos=False) as bar:
        yield bar.update
