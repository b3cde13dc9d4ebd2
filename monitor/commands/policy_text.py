"""What differs between two policies, in words."""

from collections.abc import Iterable, Iterator
from typing import Any

import click

from monitor.commands.terminal import printable
from monitor.policy.differences import KeyChange, PolicyChange
from monitor.wording import listed, wrapped

_SIGNS = {
    "added": ("+", "green"),
    "removed": ("-", "red"),
    "changed": ("~", "yellow"),
    "moved": (">", "cyan"),
}


def difference_lines(changes: Iterable[PolicyChange], columns: int) -> Iterator[str]:
    """Yield a heading for each item, and a line for each key."""
    for change in changes:
        sign, colour = _SIGNS[change.change]
        for line in wrapped(printable(f"{sign} {_heading(change)}"), columns):
            yield click.style(line, fg=colour)
        for key in change.keys:
            yield from (f"    {line}" for line in wrapped(printable(_key(key, change.change)), columns - 4))


def _heading(change: PolicyChange) -> str:
    if change.kind == "policy":
        return "the policy itself"
    called = f"{change.kind} {change.item}".rstrip()
    if change.change != "moved":
        return f"{called} ({change.change})"
    return f"{called} now comes after {change.after}" if change.after else f"{called} now comes first"


def _key(key: KeyChange, change: str) -> str:
    if change != "changed":
        return f"{key.key}: {_text(key.new if change == 'added' else key.old)}"
    if isinstance(key.old, tuple) and isinstance(key.new, tuple):
        parts = [
            f"{word} {listed(sorted(map(str, these)))}"
            for word, these in (
                ("added", set(key.new) - set(key.old)),
                ("removed", set(key.old) - set(key.new)),
            )
            if these
        ]
        return f"{key.key}: {'; '.join(parts)}"
    return f"{key.key}: {_text(key.old)} -> {_text(key.new)}"


def _text(value: Any) -> str:
    if value is None:
        return "not set"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else " ".join(str(value).split())
