"""Names of a message: plain, compressed, hostile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.dns_names import MAX_POINTERS, NameReader, PastEnd
from sensors.wire import Malformed

LONG = b"\x3f" + b"a" * 63  # the longest label
WWW = b"\x03www\x07example\x03com\x00"


def wire(*labels: bytes) -> bytes:
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\x00"


@pytest.mark.parametrize(
    ("message", "at", "name", "end"),
    [
        (WWW, 0, "www.example.com", 17),
        (b"\x00", 0, ".", 1),
        (b"\x03WwW\x00", 0, "www", 5),
        (WWW + b"\xc0\x00", 17, "www.example.com", 19),
        (WWW + b"\xc0\x04", 17, "example.com", 19),
        (WWW + b"\x03api\xc0\x04!", 17, "api.example.com", 23),
        (WWW + b"\xc0\x04\xc0\x11", 19, "example.com", 21),  # a pointer to a pointer
        (WWW + b"\xc0\x10", 17, ".", 19),
        (wire(b"a.b", b"c"), 0, "a\\x2eb.c", 7),  # not the name a.b.c
        (wire(b"a\\", b"\xff\x00 "), 0, "a\\x5c.\\xff\\x00\\x20", 8),
        (LONG * 3 + b"\x3d" + b"a" * 61 + b"\x00", 0, ".".join(["a" * 63] * 3 + ["a" * 61]), 255),
        (b"\x01a" * 127 + b"\x00", 0, ".".join("a" * 127), 255),
    ],
)
def test_names(message: bytes, at: int, name: str, end: int) -> None:
    reader = NameReader(message)
    assert reader.read(at) == (name, end)
    assert reader.read(at) == (name, end)


@pytest.mark.parametrize(
    ("message", "at", "reason"),
    [
        (b"", 0, "dns-name-past-end"),
        (WWW, 17, "dns-name-past-end"),
        (WWW[:-1], 0, "dns-name-past-end"),
        (WWW[:-3], 0, "dns-name-past-end"),
        (b"\x00\xc0", 1, "dns-name-past-end"),
        (b"\xc0\x00", 0, "dns-name-loop"),  # to itself
        (b"\x01a\xc0\x00", 0, "dns-name-loop"),  # to its own start
        (b"\x01a\xc0\x02", 0, "dns-name-loop"),
        (b"\xc0\x02\x01a\x00", 0, "dns-name-loop"),  # forward
        (b"\x01a\xc0\x06\x01b\xc0\x00", 4, "dns-name-loop"),  # two that lead to each other
        (b"\x40a\x00", 0, "dns-label-type"),
        (b"\x80a\x00", 0, "dns-label-type"),
        (LONG * 4 + b"\x00", 0, "dns-name-too-long"),
        (LONG * 3 + b"\x3e" + b"a" * 62 + b"\x00", 0, "dns-name-too-long"),
        (b"\x01a" * 128 + b"\x00", 0, "dns-name-too-long"),
        (LONG * 3 + b"\x00" + LONG + b"\xc0\x00", 193, "dns-name-too-long"),
    ],
)
def test_malformed_names(message: bytes, at: int, reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        NameReader(message).read(at)
    assert caught.value.reason == reason
    assert isinstance(caught.value, PastEnd) is (reason == "dns-name-past-end")


def test_pointers_of_one_name_are_bounded() -> None:
    hops = b"".join((0xC000 | max(2 * at - 1, 0)).to_bytes(2) for at in range(MAX_POINTERS + 1))
    message = b"\x00" + hops
    assert NameReader(message).read(1 + 2 * (MAX_POINTERS - 1)) == (".", 1 + 2 * MAX_POINTERS)
    with pytest.raises(Malformed, match="dns-name-loop"):
        NameReader(message).read(1 + 2 * MAX_POINTERS)


def test_steps_count_what_was_followed() -> None:
    reader = NameReader(WWW + b"\x03api\xc0\x04\xc0\x00")
    steps = []
    for at in (0, 17, 23):
        reader.read(at)
        steps.append(reader.steps)
    assert steps == [4, 9, 10]  # 3 labels and the root; 3 labels, a pointer, the root; a name read before


@given(st.lists(st.binary(min_size=1, max_size=63), min_size=1, max_size=3))
def test_different_names_have_different_texts(labels: list[bytes]) -> None:
    text, _ = NameReader(wire(*labels)).read(0)
    joined, _ = NameReader(wire(b".".join(labels)[:63])).read(0)
    assert (text == joined) is (len(labels) == 1)
    assert text.isascii()
    assert text.isprintable()
    assert " " not in text
    assert text.count(".") == len(labels) - 1


@given(st.binary(min_size=1, max_size=300), st.data())
def test_any_bytes_give_a_name_or_malformed(message: bytes, data: st.DataObject) -> None:
    reader = NameReader(message)
    for at in data.draw(st.lists(st.integers(0, len(message)), max_size=5)):
        try:
            name, end = reader.read(at)
        except Malformed:
            continue
        assert at < end <= len(message)
        assert len(name) <= 4 * 255
