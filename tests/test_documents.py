"""Documents: every mistake of form is one line with file, line and mend, and never a traceback."""

from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.documents import MAX_DEPTH, DocumentError, Problem, Source, decode

Level = Literal["low", "high"]


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    countries: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] | None = None
    level: Level | None = None


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    items: tuple[Item, ...] = ()
    since: object = None


AT_LEAST_ONE = "write at least one, or remove the key"
NOT_A_WORD = "found character that cannot start any token; write plain YAML: two spaces a level, no tabs"

MISTAKES = [
    ("items:\n- name: a\n  nam: b", "d.yaml:3: error: unknown key 'nam'; did you mean 'name'?"),
    (
        "items:\n- name: a\n  countries: DE",
        "d.yaml:3: error: items[0].countries: expected array, got str (found 'DE'); write a list: [DE]",
    ),
    (
        "items:\n- name: a\n  countries: []",
        f"d.yaml:3: error: items[0].countries: expected array of length >= 1; {AT_LEAST_ONE}",
    ),
    (
        "items:\n- name: a\n  level: hihg",
        "d.yaml:3: error: items[0].level: invalid enum value 'hihg' (found 'hihg'); use one of: high, low",
    ),
    (
        "items:\n- level: low",
        "d.yaml:2: error: items[0]: object missing required field name; add `name:`",
    ),
    (
        "items:\n- name: 7",
        "d.yaml:2: error: items[0].name: expected str, got int (found '7'); write it in quotes: \"7\"",
    ),
    ("items: []\nitems: []", "d.yaml:2: error: 'items' stands twice; keep one of them"),
    (
        "items:\n- name: a\n  countries: [DE, NO]",
        'd.yaml:3: error: YAML reads a bare NO as true or false; write "NO"',
    ),
    ("since: 2027-02-30", "d.yaml:1: error: there is no 2027-02-30; write a day that the calendar has"),
    (
        "since:\n  - 2027-01-01T00:00:00+99:00",
        "d.yaml:2: error: there is no 2027-01-01T00:00:00+99:00; write a day that the calendar has",
    ),
    ("items: &x []\nsince: *x", "d.yaml:2: error: alias *x; write the value out"),
    (
        "items: []\nsince: !!bool foo",
        "d.yaml:2: error: tag tag:yaml.org,2002:bool; write the value without it",
    ),
    ("!!timestamp foo", "d.yaml:1: error: tag tag:yaml.org,2002:timestamp; write the value without it"),
    ("items: []\n[a]: 1", "d.yaml:2: error: a key that is no word; write a word as key"),
    ("{a: 1}: 2", "d.yaml:1: error: a key that is no word; write a word as key"),
    ("", "d.yaml:1: error: the document is empty; see docs, or leave it out"),
    ("# only words\n---\n", "d.yaml:1: error: the document is empty; see docs, or leave it out"),
    ("items: []\n1: a", 'd.yaml:2: error: YAML reads the key 1 as no word; write "1"'),
    ("items: []\nNO: a", 'd.yaml:2: error: YAML reads the key NO as no word; write "NO"'),
    ("items: []\n~: a", 'd.yaml:2: error: YAML reads the key ~ as no word; write "~"'),
    ("items: []\n\tsince: 1", f"d.yaml:2: error: not YAML: {NOT_A_WORD}"),
]


@pytest.mark.parametrize(("text", "line"), MISTAKES)
def test_mistake_is_one_line_with_its_mend(text: str, line: str) -> None:
    with pytest.raises(DocumentError) as caught:
        decode(Source("d.yaml", text), Document)
    assert str(caught.value) == line


def test_ampersand_and_exclamation_mark_in_text_are_no_alias_or_tag() -> None:
    text = 'items:\n- name: "R&D!" # why not!\n- name: a & b!'
    assert decode(Source("d.yaml", text), Document) == Document((Item("R&D!"), Item("a & b!")))


DEEP = "deeper than 64 levels; write fewer lists and mappings inside one another"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[" * 200_000, 1),
        ("items: []\nsince: " + "[" * 5_000, 2),
        ("{a: " * 5_000, 1),
        ("- " * 5_000 + "x", 1),
        ("".join(f"{' ' * depth}a:\n" for depth in range(500)), MAX_DEPTH + 1),
        ("[" * 65 + "]" * 65, 1),
    ],
)
def test_a_deep_document_is_refused_before_it_is_read(text: str, line: int) -> None:
    with pytest.raises(DocumentError) as caught:
        decode(Source("d.yaml", text), Document)
    assert str(caught.value) == f"d.yaml:{line}: error: {DEEP}"


def test_a_document_may_be_as_deep_as_the_bound() -> None:
    depth = MAX_DEPTH - 1  # the document's own mapping is one
    document = decode(Source("d.yaml", f"since: {'[' * depth}{']' * depth}"), Document)
    assert isinstance(document.since, list)


@settings(max_examples=300)
@given(st.text(alphabet="abn:-[]{}!&*#?|>'\"%@<~. \n\t0127T\x00é", max_size=60))
def test_any_text_gives_a_value_or_a_document_error(text: str) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        decode(Source("d.yaml", text), Document)
    except DocumentError as error:
        problems = error.problems
    assert all(1 <= problem.line <= text.count("\n") + 2 and problem.mend for problem in problems)
