"""What to write instead of a value of another type: one clause for each refusal of msgspec. Pure."""

import re
from collections.abc import Iterator, Sequence

from msgspec import inspect

_MISSING_FIELD = re.compile(r"missing required field `([^`]*)`")
_TOO_LONG = re.compile(r"of length <= (\d+)")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def mend_of(text: str, allowed: Sequence[inspect.Type], raw: str | None) -> str:
    """What to write where msgspec says ``text`` of a value written as ``raw``; ``allowed`` are its types."""
    missing = _MISSING_FIELD.search(text)
    if missing:
        return f"add `{missing[1]}:`"
    return _of_length(text, raw) or _of_text(text, raw) or _of_types(text, allowed, raw)


def needs_of(kind: inspect.Type) -> list[str]:
    """The keys that a document or mapping of ``kind`` has to hold."""
    fields = kind.fields if isinstance(kind, inspect.StructType) else ()
    return [field.encode_name for field in fields if field.required]


def _of_text(text: str, raw: str | None) -> str | None:
    if "matching regex" in text:
        return "write one line of printable text"
    if not raw or not raw.isprintable():
        return None
    if text.startswith("Expected `array"):
        return f"write a list: [{raw}]"
    if text.startswith("Expected `str"):
        return f'write it in quotes: "{raw}"'
    return None


def _of_length(text: str, raw: str | None) -> str | None:
    if "of length >= 1" in text:
        return (
            "write at least one, or remove the key" if raw is None else "write something, or remove the key"
        )
    long = _TOO_LONG.search(text)
    return f"write at most {long[1]} characters" if long else None


def _of_types(text: str, allowed: Sequence[inspect.Type], raw: str | None) -> str:
    numbers = [each for each in allowed if isinstance(each, (inspect.IntType, inspect.FloatType))]
    if numbers and "got `str`" in text and raw and _NUMBER.fullmatch(raw):
        return f"write it without quotes: {raw}"
    choices = [
        str(value) for each in allowed if isinstance(each, inspect.LiteralType) for value in each.values
    ]
    words = [f"one of: {', '.join(choices)}"] if choices else []
    words += [word for each in allowed for word in _words(each)]
    if not words:
        return "write a value, or remove the key" if "got `null`" in text else "see the example and docs"
    return f"{'use' if choices else 'write'} {', or '.join(words)}"


def _words(kind: inspect.Type) -> Iterator[str]:
    """How a person calls what a type allows; nothing where only an example could."""
    if isinstance(kind, inspect.BoolType):
        yield "true or false"
    if isinstance(kind, inspect.IntType):
        yield f"a whole number{_bounds(kind)}"
    if isinstance(kind, inspect.FloatType):
        yield f"a number{_bounds(kind)}"
    if isinstance(kind, (inspect.ListType, inspect.VarTupleType)):
        yield "a list"
    if isinstance(kind, inspect.StructType):
        keys = needs_of(kind) or [field.encode_name for field in kind.fields]
        yield f"keys below it: {', '.join(keys)}"


def _bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    if kind.ge is None:
        return "" if kind.le is None else f" of at most {kind.le}"
    return f" of at least {kind.ge}" if kind.le is None else f" from {kind.ge} to {kind.le}"
