"""YAML documents with one clear line for every mistake: file, line, what is wrong, what to write instead.

Strict where YAML is not: a key that stands twice, an alias, a tag, an unknown key, or a value of another
type (the famous bare ``NO``) is an error. Pure: text comes in, typed values go out.
"""

import difflib
import re
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Literal, TypeVar

import msgspec
import yaml
from msgspec import inspect

from monitor.mends import mend_of, needs_of

T = TypeVar("T")
Path = Sequence[str | int]

MAX_DEPTH = 64  # of lists and mappings inside one another; the reader behind uses the stack for each
MAX_SHOWN = 80  # characters of a value, in a line about it
_STEP = re.compile(r"\.([^.\[\]`]+)|\[(\d+|\.\.\.)\]")
_UNKNOWN_FIELD = re.compile(r"unknown field `([^`]*)`")
_WORD_TAG = "tag:yaml.org,2002:str"
_BOOLEAN_WORDS = re.compile(r"(?i)^(y|n|yes|no|on|off|true|false)$")


class Source(msgspec.Struct, frozen=True):
    """A document's text and the path it came from."""

    path: str
    text: str


class Problem(msgspec.Struct, frozen=True):
    """One thing wrong with a document."""

    path: str
    line: int
    problem: str
    mend: str
    level: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.level}: {self.problem}; {self.mend}"


class DocumentError(Exception):
    """A document that cannot be used. ``problems`` holds at least one error."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


class _RefusedError(yaml.YAMLError):
    """Something that is YAML, and that a document may not hold."""

    def __init__(self, problem: str, mend: str, line: int) -> None:
        super().__init__(problem)
        self.problem = problem
        self.mend = mend
        self.line = line + 1


class _Loader(yaml.CSafeLoader):
    """The safe loader, which also refuses a key that stands twice, and says which day does not exist."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001,FBT002  the library's signature
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _RefusedError("a key that is no word", "write a word as key", key.start_mark.line)
            if key.tag != _WORD_TAG:
                problem = f"YAML reads the key {key.value} as no word"
                raise _RefusedError(problem, f'write "{key.value}"', key.start_mark.line)
            if key.value in seen:
                raise _RefusedError(f"{key.value!r} stands twice", "keep one of them", key.start_mark.line)
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_timestamp(self, node: yaml.ScalarNode) -> object:
        try:
            return self.construct_yaml_timestamp(node)
        except ValueError:
            mend = "write a day that the calendar has"
            raise _RefusedError(f"there is no {node.value}", mend, node.start_mark.line) from None


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_timestamp)


def decode(source: Source, kind: type[T], prepare: Callable[[object], object] | None = None) -> T:
    """The document as a value of ``kind`` (a msgspec struct with ``forbid_unknown_fields``).

    ``prepare`` is given the plain value first, and returns what is to be checked: for other ways of writing.
    Raises DocumentError with the line of the first mistake.
    """
    value = _parse(source)
    if value is None:
        raise DocumentError([Problem(source.path, 1, "the document is empty", _needs(kind))])
    try:
        return msgspec.convert(prepare(value) if prepare else value, kind, strict=True)
    except msgspec.ValidationError as error:
        raise DocumentError([_explain(source, kind, str(error))]) from None


class Lines:
    """The lines of a document's values: read once, asked often."""

    def __init__(self, source: Source) -> None:
        self._root = yaml.compose(source.text, Loader=yaml.CSafeLoader)

    def of(self, path: Path) -> int:
        """The line (from 1) where the value at ``path`` stands, or that of its nearest parent."""
        node = self._root
        mark = node.start_mark if node else None
        for step in path:
            child = _child(node, step)
            if child is None:
                break
            node, mark = child
        return mark.line + 1 if mark else 1


def line_of(source: Source, path: Path) -> int:
    """The line (from 1) where the value at ``path`` stands, or that of its nearest parent."""
    return Lines(source).of(path)


def problem_at(source: Source, path: Path, problem: str, mend: str) -> Problem:
    """An error at the value that ``path`` leads to."""
    return Problem(source.path, line_of(source, path), problem, mend)


def _child(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node, yaml.Mark] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return value, key.start_mark
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step].start_mark
    return None


def _parse(source: Source) -> object:
    mend = "write plain YAML: two spaces a level, no tabs"
    try:
        _refuse_before_reading(source)
        return yaml.load(source.text, Loader=_Loader)  # noqa: S506  a safe loader
    except _RefusedError as error:
        raise DocumentError([Problem(source.path, error.line, error.problem, error.mend)]) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = f"not YAML: {error.problem or error.context}"
        raise DocumentError([Problem(source.path, line, problem, mend)]) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = f"not YAML: {str(error).splitlines()[0]}"
        raise DocumentError([Problem(source.path, 1, problem, mend)]) from None


def _refuse_before_reading(source: Source) -> None:
    """Refuse depth, aliases and tags in the stream of events, which takes no more memory for them."""
    depth = 0
    for event in yaml.parse(source.text, Loader=yaml.CSafeLoader):
        line = event.start_mark.line if event.start_mark else 0
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                problem = f"deeper than {MAX_DEPTH} levels"
                raise _RefusedError(problem, "write fewer lists and mappings inside one another", line)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            raise _RefusedError(f"alias *{event.anchor}", "write the value out", line)
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise _RefusedError(f"tag {tag}", "write the value without it", line)


def _explain(source: Source, kind: type, message: str) -> Problem:
    text, _, where = message.partition(" - at `")
    path: list[str | int] = [
        name or (int(index) if index.isdigit() else index) for name, index in _STEP.findall(where)
    ]
    unknown = _UNKNOWN_FIELD.search(text)
    if unknown:
        key = unknown[1]
        structs = _structs_at(source, kind, path)
        return problem_at(source, [*path, key], f"unknown key {key!r}", _suggest(structs, key))
    raw = _raw(source, path)
    if "got `bool`" in text and raw is not None and _BOOLEAN_WORDS.match(raw):
        return problem_at(source, path, f"YAML reads a bare {raw} as true or false", f'write "{raw}"')
    expected = (text[0].lower() + text[1:]).replace("`", "").replace(" | null", "")
    if "matching regex" in text:
        expected = "text with line breaks or control characters"
    value = f" (found {_short(raw)!r})" if raw is not None else ""
    mend = mend_of(text, _types_at(inspect.type_info(kind), path), raw)
    return problem_at(source, path, f"{_dotted(path)}: {expected}{value}", mend)


def _needs(kind: type) -> str:
    """What a document of ``kind`` has to hold."""
    needed = needs_of(inspect.type_info(kind))
    return f"it needs {', '.join(needed)}" if needed else "see docs, or leave it out"


def _dotted(path: Path) -> str:
    return (
        "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
        or "document"
    )


def _raw(source: Source, path: Path) -> str | None:
    node = yaml.compose(source.text, Loader=yaml.CSafeLoader)
    for step in path:
        child = _child(node, step)
        if child is None:
            return None
        node = child[0]
    return node.value if isinstance(node, yaml.ScalarNode) else None


def _short(raw: str) -> str:
    return raw if len(raw) <= MAX_SHOWN else f"{raw[:MAX_SHOWN]}..."


def _structs_at(source: Source, kind: type, path: Path) -> list[inspect.StructType]:
    """The structs that are allowed at ``path``; of several with tags, the one whose tag is written."""
    found = [
        each for each in _types_at(inspect.type_info(kind), path) if isinstance(each, inspect.StructType)
    ]
    return [
        each for each in found if each.tag_field and _raw(source, [*path, each.tag_field]) == each.tag
    ] or found


def _suggest(structs: Sequence[inspect.StructType], key: str) -> str:
    names = [field.encode_name for struct in structs for field in struct.fields]
    close = difflib.get_close_matches(key, names, 1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"use one of: {', '.join(names)}" if names else "remove it"


def _types_at(info: inspect.Type, path: Path) -> list[inspect.Type]:
    """The types that are allowed at ``path``: several where it is a union."""
    options = info.types if isinstance(info, inspect.UnionType) else (info,)
    if not path:
        return list(options)
    found: list[inspect.Type] = []
    for option in options:
        if isinstance(option, inspect.StructType):
            if option.tag_field == path[0]:
                found.append(inspect.LiteralType((option.tag,)))
            for field in option.fields:
                if field.encode_name == path[0]:
                    found += _types_at(field.type, path[1:])
        elif isinstance(option, (inspect.ListType, inspect.VarTupleType)):
            found += _types_at(option.item_type, path[1:])
    return found
