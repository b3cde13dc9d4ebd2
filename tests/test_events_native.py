"""Our own form of events: its schema is current, strict, and true of whatever is written."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from monitor.events import Event, native, read_native, render
from monitor.sink_options import Format
from tests.events_kit import FORMATS, TYPICAL, any_event, golden
from tools import event_schema

SCHEMA: dict[str, Any] = json.loads(event_schema.FILE.read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)


def test_the_schema_is_current_and_a_schema() -> None:
    assert event_schema.FILE.read_text(encoding="utf-8") == event_schema.text(), event_schema.__doc__
    Draft202012Validator.check_schema(SCHEMA)


@given(any_event())
def test_every_event_is_valid_and_can_be_read_back(event: Event) -> None:
    line = native(event)
    assert line.startswith(b'{"type":"')
    assert b"\n" not in line
    assert read_native(line) == event
    VALIDATOR.validate(json.loads(line))


def _objects(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of each object in a JSON document."""
    if isinstance(value, list):
        return [found for index, each in enumerate(value) for found in _objects(each, (*path, index))]
    if isinstance(value, dict):
        return [path, *(found for key, each in value.items() for found in _objects(each, (*path, key)))]
    return []


def _at(document: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        document = document[step]
    return document


@pytest.mark.parametrize("name", TYPICAL)
def test_a_field_that_is_unknown_or_missing_is_refused(name: str) -> None:
    line = native(TYPICAL[name])
    for path in _objects(json.loads(line)):
        for key in _at(json.loads(line), path):
            document = json.loads(line)
            del _at(document, path)[key]
            assert not VALIDATOR.is_valid(document), (path, key)
        document = json.loads(line)
        _at(document, path)["extra"] = None
        assert not VALIDATOR.is_valid(document), path


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("type",), "alert"),
        (("at_ns",), 1.5),
        (("change", "what"), "deleted"),
        (("change", "finding", "state"), "closed"),
        (("change", "finding", "severity"), "urgent"),
        (("change", "finding", "sample", "flow", "transport"), "sctp"),
        (("change", "finding", "count"), "17"),
    ],
)
def test_a_value_that_is_not_one_of_ours_is_refused(path: tuple[str, ...], value: object) -> None:
    document = json.loads(native(TYPICAL["violation"]))
    _at(document, path[:-1])[path[-1]] = value
    assert not VALIDATOR.is_valid(document)


@pytest.mark.parametrize("line", [b"", b"{}", b'{"type":"other"}', b"[]", native(TYPICAL["summary"])[:-1]])
def test_what_is_no_event_is_not_read(line: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        read_native(line)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", TYPICAL)
def test_golden(name: str, form: Format) -> None:
    """The files are made by `python -m tests.events_kit`."""
    assert render(TYPICAL[name], form) + b"\n" == golden(name, form).read_bytes()


@given(any_event())
def test_each_form_is_one_line_and_the_same_each_time(event: Event) -> None:
    for form in FORMATS:
        line = render(event, form)
        assert b"\n" not in line
        assert b"\r" not in line
        assert line == render(event, form)
        if form != "cef":
            assert isinstance(json.loads(line), dict)
