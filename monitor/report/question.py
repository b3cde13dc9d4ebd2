"""What a report is asked for. A frozen value; its paths are why it stands apart from the pure types."""

from pathlib import Path

import msgspec

from monitor.report.types import People, Period


class Question(msgspec.Struct, frozen=True):
    """What is read, and of what a report is. ``policies`` are files of policies that judged.

    With a ``tenant`` everything is of that one alone. Without a ``title`` the report has a plain one.
    """

    paths: tuple[Path, ...]
    policies: tuple[Path, ...] = ()
    tenant: str | None = None
    period: Period = Period()
    people: People = People()
    title: str | None = None
