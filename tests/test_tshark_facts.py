"""What tshark prints, as our values."""

import pytest

from sensors.tshark_facts import FIELDS, address_bytes, is_set, name, number, numbers, time_ns

TIMES = [
    ("1773133200.100000000", 1_773_133_200_100_000_000),
    ("1773133200.1", 1_773_133_200_100_000_000),
    ("1773133200", 1_773_133_200_000_000_000),
    ("2026-03-10T09:00:00.100000000Z", 1_773_133_200_100_000_000),
    ("-5.000000000", 0),
    ("soon", 0),
    ("", 0),
]


@pytest.mark.parametrize(("text", "wanted"), TIMES)
def test_times(text: str, wanted: int) -> None:
    assert time_ns((text,)) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("API.OpenAI.com", "api.openai.com"),
        ("a.example.", "a.example"),
        ("<Root>", "."),
        (".", "."),
        ("", "."),
        ("a b", "a\\x20b"),
        ("grü", "gr\\xc3\\xbc"),
    ],
)
def test_names(text: str, wanted: str) -> None:
    assert name(text) == wanted


def test_numbers() -> None:
    assert numbers(("1", "0x0304", "x", "", "²")) == [1, 0x304]
    assert [number(("0x10", "7"), index) for index in (0, 1, -1, 2)] == [16, 7, 7, 0]
    assert number(("many",)) == 0


@pytest.mark.parametrize(("text", "wanted"), [("1", True), ("True", True), ("0", False), ("False", False)])
def test_flags_of_all_versions(text: str, *, wanted: bool) -> None:
    assert is_set((text,)) is wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("10.0.0.1", bytes((10, 0, 0, 1))), ("::1", bytes(15) + b"\1"), ("x", None), ("", None)],
)
def test_addresses(text: str, wanted: bytes | None) -> None:
    assert address_bytes(text) == wanted


def test_a_field_is_asked_for_once() -> None:
    assert len(FIELDS) == len(set(FIELDS)) > 50
