"""`residency query`: ready questions, or SQL, over an archive."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from monitor.commands.base import DAY, FILE, Failure, clear_errors
from monitor.commands.edge import reader_may_leave, say
from monitor.commands.query_text import answer_lines, question_lines
from monitor.commands.terminal import echo, printable
from monitor.exitstatus import Exit
from monitor.files import InputError

if TYPE_CHECKING:
    from monitor.archive.asking import Given, Question
    from monitor.archive.engine import Answer

LIMIT = 1_000
_LIMIT = click.IntRange(1, 10_000_000)
_LIMIT.name = "number"  # as errors call it
_SQL = ".sql"


@click.command("query")
@click.argument("question", required=False, metavar="[QUESTION]")
@click.option("--archive", "folder", type=FILE, metavar="DIR", help="The archive's folder.")
@click.option("--sql", metavar="SELECT", help="Ask this of the tables decisions and coverage (DuckDB).")
@click.option("--since", type=DAY, metavar="DATE", help="The first day: 2026-03-10.")
@click.option("--until", type=DAY, metavar="DATE", help="The last day.")
@click.option("--tenant", metavar="NAME", help="Of this tenant.")
@click.option("--source-group", metavar="NAME", help="Of this source group.")
@click.option("--provider", metavar="NAME", help="About this provider.")
@click.option("--sensor", metavar="NAME", help="Of this sensor (coverage).")
@click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True
)
@click.option("--limit", type=_LIMIT, default=LIMIT, show_default=True, metavar="N", help="At most N rows.")
@click.option(
    "--print-sql", type=click.Choice(["duckdb", "clickhouse"]), help="Print the question's SQL only."
)
def command(
    question: str | None,
    folder: Path | None,
    sql: str | None,
    form: Literal["table", "csv", "json"],
    limit: int,
    print_sql: str | None,
    **given: Any,
) -> None:
    """Ask an archive; without a question, list those that are ready.

    A day is that of a connection's latest packet, as retention counts it. --sql is read-only: it can reach
    the archive, and no other file.

    \b
    Examples:
      residency query
      residency query outside-policy --archive archive/ --since 2026-03-01
      residency query uploads --archive archive/ --tenant acme --format csv
      residency query --archive archive/ \\
          --sql 'SELECT client, count(*) FROM decisions GROUP BY client'

    \b
    Exit status: 0 done, whatever the answer; 2 usage, or what cannot be
    answered; 3 the archive, or a file in it, cannot be read.
    """
    from monitor.archive.asking import Given  # noqa: PLC0415  loads what only this needs

    asked = _asked(question, sql)
    first, last = given["since"], given["until"]
    if first is not None and last is not None and last < first:
        raise click.UsageError(f"--until {last} is before --since {first}")
    with reader_may_leave():
        if asked is None:
            echo(question_lines(questions().values()))
        elif print_sql is not None:
            _print_sql(asked, print_sql)
        elif folder is None:
            raise click.UsageError("name the archive: --archive DIR")
        else:
            answer = _answer(folder, asked, Given(**given), limit)
            echo(answer_lines(answer, form))
            if answer.more:
                say(f"residency: only the first {limit:,} rows; --limit N prints more")


def _answer(folder: Path, question: "Question", given: "Given", limit: int) -> "Answer":
    from monitor.archive.asking import wanted  # noqa: PLC0415
    from monitor.archive.engine import Engine, QueryError  # noqa: PLC0415
    from monitor.archive.run import require_archive  # noqa: PLC0415
    from monitor.archive.store import reading  # noqa: PLC0415

    with clear_errors():
        require_archive("duckdb", "pyarrow")
    try:
        with (
            reading(folder) as manifest,
            Engine(folder, wanted(manifest.parts, question, given)) as engine,
            _progress() as progress,
        ):
            return engine.ask(question.sql, given, limit, progress)
    except QueryError as error:
        raise Failure(f"{question.name}: {printable(str(error))}", Exit.USAGE) from None
    except InputError as error:
        raise Failure(printable(str(error)), Exit.UNREADABLE) from None


def _asked(name: str | None, sql: str | None) -> "Question | None":
    """Return the ready question of a name, or the SQL as one; None where nothing is asked."""
    from monitor.archive.asking import Question  # noqa: PLC0415

    if name is not None and sql is not None:
        raise click.UsageError("a question, or --sql: one of them")
    if sql is not None:
        return Question("--sql", sql)
    if name is None:
        return None
    ready = questions()
    if name not in ready:
        raise click.UsageError(f"no question {name!r}; they are {', '.join(ready)}")
    return ready[name]


def questions() -> "dict[str, Question]":
    """Return the ready questions, by name."""
    from monitor.archive.asking import question_of  # noqa: PLC0415

    files = resources.files("monitor.archive.questions")
    found = sorted(
        (file.name.removesuffix(_SQL), file) for file in files.iterdir() if file.name.endswith(_SQL)
    )
    return {name: question_of(name, file.read_text("utf-8")) for name, file in found}


def _print_sql(question: "Question", engine: str) -> None:
    from monitor.archive.asking import for_clickhouse  # noqa: PLC0415

    if not question.parameters:
        raise click.UsageError("--print-sql is for a ready question")
    click.echo(for_clickhouse(question.sql) if engine == "clickhouse" else question.sql)


@contextmanager
def _progress() -> Iterator[Callable[[float], object] | None]:
    """Show percents on a terminal while it takes long."""
    if not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=100, label="asking", file=sys.stderr, show_pos=False) as bar:
        yield lambda percent: bar.update(max(int(percent) - bar.pos, 0))
