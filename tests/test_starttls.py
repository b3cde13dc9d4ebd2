"""Clear text before TLS: where the hello begins, and how long one waits for it."""

import pytest

from sensors.preface import Unknown
from sensors.starttls import (
    DIALECTS,
    MAX_CLEAR_BYTES,
    Dialect,
    cut_element,
    cut_ldap,
    cut_line,
    looks_like_ldap,
    looks_like_lines,
    read_clear,
)
from tests.stream_bytes import CLEAR, LDAP_START_TLS, MYSQL, POSTGRES, ldap

HELLO = b"\x16\x03\x01"


def dialect(data: bytes) -> Dialect:
    """Return the one dialect that a stream begins like."""
    (found,) = [each for each in DIALECTS if each.looks_like(data)]
    return found


@pytest.mark.parametrize("kind", CLEAR)
def test_the_hello_begins_where_it_begins(kind: str) -> None:
    data = CLEAR[kind]
    cut = dialect(data).cut
    assert read_clear(data + HELLO, cut) == (None, len(data))
    assert [read_clear(data[:end], cut) for end in range(len(data) + 1)] == [None] * (len(data) + 1)


@pytest.mark.parametrize("kind", CLEAR)
def test_each_begin_is_told_for_certain_once(kind: str) -> None:
    """A verdict on some bytes stands for all longer streams, and 16 bytes are enough for one."""
    for each in DIALECTS:
        verdicts = [each.looks_like(CLEAR[kind][:end]) for end in range(17)]
        known = [verdict for verdict in verdicts if verdict is not None]
        assert verdicts == [None] * (17 - len(known)) + known
        assert len(set(known)) == 1


def padded(size: int, kind: str) -> bytes:
    """Return clear text of so many bytes, which ends with the request for TLS."""
    end = {"lines": b"\r\nSTARTTLS\r\n", "xml": b"'><starttls/>", "ldap": ldap(LDAP_START_TLS)}[kind]
    if kind == "ldap":
        body = b"\x02\x01\x01" + bytes(size - len(end) - 7)
        return b"\x30\x82" + len(body).to_bytes(2) + body + end
    begin = b"EHLO " if kind == "lines" else b"<stream:stream to='"
    return begin + b"a" * (size - len(begin) - len(end)) + end


@pytest.mark.parametrize("kind", ["lines", "xml", "ldap"])
def test_clear_text_has_a_bound(kind: str) -> None:
    longest = padded(MAX_CLEAR_BYTES, kind)
    too_long = padded(MAX_CLEAR_BYTES + 1, kind)
    assert (len(longest), len(too_long)) == (MAX_CLEAR_BYTES, MAX_CLEAR_BYTES + 1)
    assert read_clear(longest + HELLO, dialect(longest).cut) == (None, MAX_CLEAR_BYTES)
    assert read_clear(longest, dialect(longest).cut) is None
    for data in (too_long + HELLO, too_long):
        with pytest.raises(Unknown):
            read_clear(data, dialect(too_long).cut)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", None),
        (b"EHLO", None),
        (b"EHLO ", True),
        (b"noop\r", True),
        (b"CAPABILITIES", None),
        (b"CAPABILITIES\r", True),
        (b"CAPABILITIESX", False),
        (b"EHLO\t", False),
        (b"a1", None),
        (b"a1 ", None),
        (b"a1 s", True),
        (b"a1 L", False),
        (b"12345678 N", True),
        (b"123456789 N", False),
        (b" N", False),
        (b"SSH-2", False),
        (b"\x16", False),
    ],
)
def test_looks_like_lines(data: bytes, expected: bool | None) -> None:  # noqa: FBT001
    assert looks_like_lines(data) is expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", None),
        (b"\x30", None),
        (b"\x30\x0c", None),
        (b"\x30\x0c\x02", True),
        (b"\x30\x0c\x03", False),
        (b"\x30\x84\0\0\0\x0c", None),
        (b"\x30\x84\0\0\0\x0c\x02", True),
        (b"\x30\x80", False),
        (b"\x30\x85", False),
        (b"\x31", False),
    ],
)
def test_looks_like_ldap(data: bytes, expected: bool | None) -> None:  # noqa: FBT001
    assert looks_like_ldap(data) is expected


@pytest.mark.parametrize(
    ("cut", "data"),
    [
        (cut_line, b"\n"),
        (cut_line, b" STARTTLS\r\n"),
        (cut_line, b"a1  STARTTLS\r\n"),
        (cut_line, b"STARTTLSX\r\n"),
        (cut_element, b"starttls>"),
        (cut_ldap, b"\x31\x00"),
        (cut_ldap, b"\x30\x80\x02\x01\x01\0\0"),
        (cut_ldap, b"\x30\x88\0\0\0\0\0\0\0\x01\x02"),
        (dialect(POSTGRES).cut, b"\0\0\0\x09"),
        (dialect(MYSQL).cut, MYSQL.replace(b"\1", b"\2", 1)),
    ],
)
def test_other_units_are_another_protocol(cut: object, data: bytes) -> None:
    assert callable(cut)
    with pytest.raises(Unknown):
        cut(data, 0)


@pytest.mark.parametrize("data", [b"\x30\x84\xff\xff\xff\xff\x02" + bytes(2_000), b"EHLO " + b"a" * 2_000])
def test_a_claimed_length_is_not_waited_for(data: bytes) -> None:
    cut = dialect(data).cut
    assert read_clear(data[:MAX_CLEAR_BYTES], cut) is None
    with pytest.raises(Unknown):
        read_clear(data[: MAX_CLEAR_BYTES + 1], cut)
