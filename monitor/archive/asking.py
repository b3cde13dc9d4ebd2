"""The ready questions, as their files have them, and what may be asked of each. Pure.

A file begins with comments: ``-- Title:``, ``-- Parameters:``, ``-- Columns:``. ``-- Classes:`` says which it
reads where these are not all, ``-- Table: coverage`` that it reads that, ``-- Days: all`` that it looks
at days outside the period as well.
"""

import datetime as dt
import re
from collections.abc import Iterable

import msgspec

from monitor.archive.layout import Table
from monitor.archive.types import Part

Value = str | dt.date | None
DATES = frozenset({"since", "until"})
_HEAD = re.compile(r"-- (Title|Table|Classes|Days|Parameters|Columns): (.+)")
_PARAMETER = re.compile(r"\$(\w+)")


class Question(msgspec.Struct, frozen=True):
    """A question. One that is ready reads one ``table``, and of it ``classes``: all where none are named."""

    name: str
    sql: str
    title: str = ""
    columns: str = ""
    parameters: tuple[str, ...] = ()
    table: Table | None = None
    classes: tuple[str, ...] = ()
    all_days: bool = True


class Given(msgspec.Struct, frozen=True):
    """What may be given to a question: days from the first to the last, and names; null is all."""

    since: dt.date | None = None
    until: dt.date | None = None
    tenant: str | None = None
    source_group: str | None = None
    provider: str | None = None
    sensor: str | None = None


PARAMETERS = Given.__struct_fields__


def question_of(name: str, text: str) -> Question:
    """Return what a question's file says. Raises ValueError where its head is incomplete."""
    lines = text.splitlines()
    head = {found[1]: found[2].strip() for line in lines if (found := _HEAD.fullmatch(line))}
    sql = "\n".join(line for line in lines if not line.startswith("--")).strip()
    if not {"Title", "Parameters", "Columns"} <= head.keys() or not sql:
        raise ValueError(f"{name}: a head with title, parameters and columns, then SQL")
    parameters = tuple(head["Parameters"].split(", "))
    if set(parameters) != set(_PARAMETER.findall(sql)):
        raise ValueError(f"{name}: its parameters are not those of its head")
    return Question(
        name=name,
        title=head["Title"],
        columns=head["Columns"],
        parameters=parameters,
        table="coverage" if head.get("Table") == "coverage" else "decisions",
        classes=tuple(head["Classes"].split(", ")) if "Classes" in head else (),
        all_days=head.get("Days") == "all",
        sql=sql,
    )


def for_clickhouse(sql: str) -> str:
    """Return a question as ClickHouse takes it: its parameters have types there."""

    def typed(found: re.Match[str]) -> str:
        kind = "Date32" if found[1] in DATES else "String"
        return f"{{{found[1]}:Nullable({kind})}}"

    return _PARAMETER.sub(typed, sql)


def wanted(parts: Iterable[Part], question: Question, given: Given) -> list[Part]:
    """Return the parts that can hold rows of what is asked."""
    if question.table is None:
        return list(parts)
    since = str(given.since) if given.since and not question.all_days else ""
    until = str(given.until) if given.until else "9999-12-31"
    return [
        part
        for part in parts
        if part.last_day >= since
        and part.first_day <= until
        and (given.tenant is None or part.place.tenant == given.tenant)
        and _reads(question, part)
    ]


def bound(names: Iterable[str], given: Given) -> dict[str, Value]:
    """Return a value for each parameter that SQL names. Raises ValueError for one that there is none of.

    Likewise for a value that it does not ask for.
    """
    wished, values = set(names), msgspec.structs.asdict(given)
    for name in sorted(wished - values.keys()):
        raise ValueError(f"${name} is no parameter; they are {', '.join(f'${each}' for each in PARAMETERS)}")
    for name, value in values.items():
        if value is not None and name not in wished:
            raise ValueError(f"it does not ask for --{name.replace('_', '-')}, so that would change nothing")
    return {name: values[name] for name in wished}


def _reads(question: Question, part: Part) -> bool:
    if part.place.table != question.table:
        return False
    return not question.classes or part.place.payload_class in question.classes
