"""Asks an archive with DuckDB, which can then read the archive's parts and nothing else, and write nothing.

Only one statement is taken, and only one that reads. Memory is bounded: what does not fit goes to a folder
that is deleted with the answer.
"""

import concurrent.futures
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec

from monitor.archive.asking import Given, Value, bound
from monitor.archive.columns import schemas
from monitor.archive.layout import TABLES
from monitor.archive.parts import check_size, damaged
from monitor.archive.types import Part
from monitor.files import InputError

if TYPE_CHECKING:
    import duckdb

MEMORY_BYTES = 2_500_000_000  # of DuckDB's buffers; the process has some hundred MB beside them
POLL_SECONDS = 0.2
_VIEWS = (
    "CREATE VIEW decisions AS SELECT *, coalesce(outcome, 'inventory') AS class FROM decisions_archived",
    "CREATE VIEW coverage AS SELECT * FROM coverage_archived",
)
# Steps of a plan that change something, or hide what they do: a SELECT can hold them.
_CHANGING = ("COPY", "INSERT", "UPDATE", "DELETE", "MERGE", "JSON_EXECUTE")


class Answer(msgspec.Struct, frozen=True):
    """Rows, as many as were asked for, and whether there are ``more``."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    more: bool


class QueryError(Exception):
    """What was asked cannot be answered. The message is one line."""


class Engine:
    """One connection to DuckDB over some parts of an archive."""

    def __init__(self, root: Path, parts: Sequence[Part]) -> None:
        """Open the parts. Raises InputError."""
        import duckdb  # noqa: PLC0415  optional and heavy

        for part in parts:
            check_size(root, part)
        self._root = root.resolve()
        self._spill = tempfile.TemporaryDirectory(prefix="residency-query-")
        self._duckdb = duckdb
        self._connection = duckdb.connect(config=self._settings())
        try:
            for table in TABLES:
                self._show(table, [part for part in parts if part.place.table == table])
            for view in _VIEWS:
                self._connection.execute(view)
            self._lock_up()
        except duckdb.Error as error:
            self._close()
            raise damaged(self._root, str(error)) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        self._connection.close()
        self._spill.cleanup()

    def ask(
        self,
        sql: str,
        given: Given,
        limit: int,
        progress: Callable[[float], object] | None = None,
    ) -> Answer:
        """Return the answer; ``progress`` is told percents. Raises QueryError, InputError.

        ``given`` are values for parameters. KeyboardInterrupt ends the query first.
        """
        statement = self._statement(sql)
        try:
            parameters = bound(statement.named_parameters, given)
        except ValueError as error:
            raise QueryError(str(error)) from None
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asked = pool.submit(self._answer, statement, parameters, limit)
            try:
                while not concurrent.futures.wait([asked], POLL_SECONDS).done:
                    if progress is not None:
                        progress(max(self._connection.query_progress(), 0.0))
                return asked.result()
            except KeyboardInterrupt:
                self._connection.interrupt()
                raise
            except self._duckdb.Error as error:
                raise self._said(error) from None
            except (ValueError, OverflowError) as error:  # a value of SQL that Python has not
                raise QueryError(_line(str(error))) from None

    def _answer(self, statement: Any, parameters: Mapping[str, Value], limit: int) -> Answer:
        self._only_reads(statement, parameters)
        result = self._connection.execute(statement, dict(parameters))
        rows = result.fetchmany(limit + 1)
        columns = tuple(column[0] for column in result.description or ())
        return Answer(columns, rows[:limit], len(rows) > limit)

    def _only_reads(self, statement: Any, parameters: Mapping[str, Value]) -> None:
        """Raise QueryError where a plan would change anything. The archive's folders can be written to."""
        explained = f"EXPLAIN (FORMAT json) {statement.query}"
        for _, plan in self._connection.execute(explained, dict(parameters)).fetchall():
            for name in _steps(msgspec.json.decode(plan)):
                if name.upper().startswith(_CHANGING):
                    raise QueryError(f"{name} is no question; only SELECT is")

    def _statement(self, sql: str) -> Any:
        """Return the one statement, which only reads. Raises QueryError."""
        try:
            statements = self._connection.extract_statements(sql)
        except self._duckdb.Error as error:
            raise QueryError(_line(str(error))) from None
        if len(statements) != 1:
            raise QueryError(f"{len(statements)} statements; ask one")
        (statement,) = statements
        if statement.type != self._duckdb.StatementType.SELECT:
            raise QueryError(f"{statement.type.name} is no question; only SELECT is")
        return statement

    def _settings(self) -> dict[str, Any]:
        return {
            "allow_community_extensions": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "memory_limit": f"{MEMORY_BYTES}B",
            "preserve_insertion_order": False,
            "temp_directory": self._spill.name,
            "threads": os.cpu_count() or 1,
        }

    def _lock_up(self) -> None:
        """Take from the connection what answering does not need; the last line makes it stay so."""
        folders = ", ".join(_literal(str(self._root / table)) for table in TABLES)
        for setting in (
            "TimeZone = 'UTC'",
            f"allowed_directories = [{folders}]",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            self._connection.execute(f"SET {setting}")

    def _show(self, table: str, parts: Iterable[Part]) -> None:
        """Make a table of parts known; one without any has its columns all the same."""
        files = [str(self._root / part.path) for part in parts]
        if files:
            relation = self._connection.read_parquet(files, hive_partitioning=False)
            relation.create_view(f"{table}_archived")
            return
        import pyarrow as pa  # noqa: PLC0415

        empty = next(schema for name, schema in schemas(pa).items() if name == table).empty_table()
        self._connection.from_arrow(empty).create(f"{table}_archived")

    def _said(self, error: "duckdb.Error") -> QueryError | InputError:
        """Return what went wrong: with a file, with memory, or with what was asked."""
        text = str(error)
        if isinstance(error, self._duckdb.OutOfMemoryException):
            return QueryError(
                f"needs more memory than {MEMORY_BYTES:,} bytes; ask for fewer days, or one tenant"
            )
        if isinstance(error, self._duckdb.IOException | self._duckdb.SerializationException):
            return damaged(self._root, text)
        if isinstance(error, self._duckdb.InvalidInputException) and ".parquet" in text:
            return damaged(self._root, text)
        return QueryError(_line(text))


def _steps(plan: Any) -> Iterator[str]:
    """Yield the names of a plan's steps."""
    left = [plan]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            yield str(value.get("name", ""))
            left += value.values()
        elif isinstance(value, list):
            left += value


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _line(text: str) -> str:
    """Return what DuckDB says on many lines as one."""
    said = text.partition("\n\nLINE ")[0]
    return " ".join(said.split())
