"""Remarks on a policy: what the checks find, by the path of the value, and how they become lines of a file.

A check only says where and what; the line is looked up here, after all checks.
"""

import difflib
from collections.abc import Collection, Iterable, Sequence
from typing import Literal, NamedTuple

from monitor import documents

Path = tuple[str | int, ...]


class Remark(NamedTuple):
    """Something wrong (or, as a warning, odd) with the value at ``path``, and what to write instead."""

    path: Path
    problem: str
    mend: str
    level: Literal["error", "warning"] = "error"


def locate(source: documents.Source, remarks: Iterable[Remark]) -> tuple[documents.Problem, ...]:
    """The remarks as problems of the file, in the order of its lines."""
    found = list(remarks)
    if not found:
        return ()
    lines = documents.Lines(source)
    problems = [
        documents.Problem(source.path, lines.of(each.path), each.problem, each.mend, each.level)
        for each in found
    ]
    return tuple(sorted(problems, key=lambda problem: problem.line))


def suggest(word: str, names: Collection[str], otherwise: str) -> str:
    """A "did you mean" where a name is close, else the names there are, else ``otherwise``."""
    close = close_name(word, names)
    if close:
        return f"did you mean {close!r}?"
    return f"use one of: {', '.join(sorted(names))}" if 0 < len(names) <= 12 else otherwise


def close_name(word: str, names: Collection[str]) -> str | None:
    """The known name that a reader would take ``word`` for, if there is one."""
    by_lower = {name.lower(): name for name in sorted(names)}
    close: Sequence[str] = difflib.get_close_matches(word.lower(), by_lower, 1)
    return by_lower[close[0]] if close else None
