"""Netlink's bytes: what is asked, what is understood, and that nothing else is."""

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.owners.addresses import address_of
from monitor.owners.diag import INET, INET6, TCP, Ends, held, question
from monitor.owners.messages import MalformedError, attributes, error_number, frame, messages
from tests.owners_kit import V4

V6 = Ends(ipaddress.ip_address("2001:db8::1"), 50_000, ipaddress.ip_address("2001:db8::2"), 443)
MAPPED = Ends(
    ipaddress.ip_address("::ffff:192.0.2.1"), 50_000, ipaddress.ip_address("::ffff:198.51.100.7"), 443
)


def attribute(kind: int, value: bytes) -> bytes:
    """Return an attribute, padded."""
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def answer(family: int, ends: Ends, *extra: bytes) -> bytes:
    """Return a kernel's answer: a socket of user 1000 with inode 7."""
    sockets = question(family, TCP, ends)[8:]
    return (
        struct.pack("=BBBB", family, 1, 0, 0)
        + sockets
        + struct.pack("=5I", 0, 0, 0, 1_000, 7)
        + b"".join(extra)
    )


@pytest.mark.parametrize(("family", "ends", "says"), [(INET, V4, V4), (INET6, V6, V6), (INET6, MAPPED, V4)])
def test_a_socket(family: int, ends: Ends, says: Ends) -> None:
    found = held(answer(family, ends, attribute(15, b"\0\0\0\0"), attribute(21, struct.pack("=Q", 1 << 40))))
    assert (found.ends, found.state, found.uid, found.inode, found.cgroup) == (says, 1, 1_000, 7, 1 << 40)


@pytest.mark.parametrize(
    ("extra", "cgroup", "only_v6"),
    [
        (b"", None, False),
        (attribute(21, b"short"), None, False),
        (attribute(11, b"\1"), None, True),
        (attribute(11, b"\0"), None, False),
        (attribute(11, b""), None, False),
        (attribute(21 | 0x8000, struct.pack("=Q", 9)), 9, False),  # a flag beside the kind
    ],
)
def test_what_a_kernel_may_leave_out(extra: bytes, cgroup: int | None, *, only_v6: bool) -> None:
    found = held(answer(INET6, V6, extra))
    assert (found.cgroup, found.only_v6) == (cgroup, only_v6)


def test_a_question_has_the_kernels_size() -> None:
    assert len(question(INET, TCP, V4)) == 56  # struct inet_diag_req_v2
    assert V4.turned().turned() == V4


@pytest.mark.parametrize(
    "body",
    [
        b"",
        answer(INET, V4)[:-1],
        answer(7, V4),  # an unknown family
        answer(INET, V4, b"\1"),
        answer(INET, V4, struct.pack("=HH", 3, 1)),  # shorter than its own header
        answer(INET, V4, struct.pack("=HH", 9, 1)),  # longer than the message
    ],
)
def test_malformed_sockets(body: bytes) -> None:
    with pytest.raises(MalformedError):
        held(body)


def test_messages_stand_behind_one_another() -> None:
    data = frame(20, 2, 5, b"abc") + b"\0" + frame(3, 2, 6, b"")
    assert [(each.kind, each.sequence, each.body) for each in messages(data)] == [
        (20, 5, b"abc"),
        (3, 6, b""),
    ]


@pytest.mark.parametrize("length", [0, 15, 18, 0xFFFFFFFF])
def test_a_length_that_cannot_be(length: int) -> None:
    with pytest.raises(MalformedError):
        messages(struct.pack("=IHHII", length, 20, 0, 1, 0) + b"x")


def test_errors() -> None:
    (message,) = messages(frame(2, 0, 1, struct.pack("=i", -2)))
    assert error_number(message) == 2
    (short,) = messages(frame(2, 0, 1, b"\0"))
    with pytest.raises(MalformedError):
        error_number(short)


@pytest.mark.parametrize(
    ("extra", "address"),
    [
        (attribute(1, bytes([192, 0, 2, 1])), "192.0.2.1"),
        (
            attribute(1, bytes([192, 0, 2, 9])) + attribute(2, bytes([192, 0, 2, 1])),
            "192.0.2.1",
        ),  # with a peer
        (attribute(1, V6.local.packed), "2001:db8::1"),
        (attribute(1, b"abc"), None),
        (b"", None),
    ],
)
def test_addresses(extra: bytes, address: str | None) -> None:
    assert address_of(bytes(8) + extra) == address


@given(st.binary(max_size=300))
def test_any_bytes_are_understood_or_malformed(data: bytes) -> None:
    for read in (messages, attributes, held, address_of):
        try:
            read(data)
        except MalformedError:
            continue


@given(st.integers(min_value=0, max_value=91), st.integers(min_value=0, max_value=255))
def test_a_changed_byte_is_understood_or_malformed(at: int, value: int) -> None:
    data = bytearray(answer(INET6, V6, attribute(21, struct.pack("=Q", 9)), attribute(11, b"\1")))
    data[at] = value
    try:
        found = held(bytes(data))
    except MalformedError:
        return
    assert found.inode >= 0
