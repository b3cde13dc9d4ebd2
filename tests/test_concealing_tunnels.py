"""Tunnels that conceal: their first datagrams are known, and nothing that differs in one fixed field is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcaps.builder.concealing import (
    ike_message,
    openvpn_crypt_reset,
    openvpn_reset,
    wireguard_data,
    wireguard_initiation,
    wireguard_response,
)
from sensors.concealing import concealing_carrier, looks_like_openvpn
from tests.segments import Run, down, up

IKE = {
    500: [
        ike_message("v2", (33, 0x20, 34, 0x08)),
        ike_message("v2, with the cookie", (41, 0x20, 34, 0x08)),
        ike_message("main mode", (1, 0x10, 2, 0)),
        ike_message("aggressive mode", (1, 0x10, 4, 0)),
    ],
    4_500: [
        bytes(4) + ike_message("v2", (33, 0x20, 34, 0x08)),
        bytes(4) + ike_message("moved", (46, 0x20, 35, 0x08), number=1, answer=True),
        bytes(4) + ike_message("fragments", (53, 0x20, 35, 0x08), number=1, answer=True),
        bytes(4) + ike_message("main mode", (5, 0x10, 2, 1), answer=True),
    ],
}
OPENVPN = [openvpn_reset(str(size), size) for size in (0, 16, 20, 28, 32, 48, 64)]
OPENVPN += [openvpn_crypt_reset("1"), openvpn_crypt_reset("2", 290)]
# Its name begins with one letter: where OpenVPN has a packet number and a time, they are plausible.
DNS_QUERY = b"\x38\x00\x01\0\0\1\0\0\0\0\0\0\1a\x1e" + b"a" * 30 + b"\3com\0\0\1\0\1"
BEGINNINGS = [
    ("wireguard", 51_820, wireguard_initiation("w")),
    *(("openvpn", 1_194, reset) for reset in OPENVPN),
    *(("ike", port, message) for port, messages in IKE.items() for message in messages),
]


@pytest.mark.parametrize(("carrier", "port", "payload"), BEGINNINGS)
def test_a_beginning_is_known_and_has_no_name(carrier: str, port: int, payload: bytes) -> None:
    assert concealing_carrier(payload, len(payload), port) == carrier
    run = Run(
        [
            up(0, payload=payload, transport=17, server_port=port),
            down(20, payload=b"\xff" * 90, transport=17, server_port=port),
            up(21, payload=payload, transport=17, server_port=port),
        ]
    )
    assert [(hello.carrier, hello.server_name, hello.complete) for hello in run.hellos] == [
        (carrier, None, True)
    ]
    assert (run.counters, len(run.flows)) == ({}, 1)


@pytest.mark.parametrize(("carrier", "port", "payload"), BEGINNINGS)
def test_a_datagram_of_another_length_is_none(carrier: str, port: int, payload: bytes) -> None:
    assert carrier in ("wireguard", "openvpn", "ike")
    for other in (payload[:-1], payload + b"\0", payload + b"\x01", payload * 2, b""):
        assert concealing_carrier(other, len(other), port) is None
    cut = concealing_carrier(payload[:-1], len(payload), port)
    assert cut == ("ike" if carrier == "ike" else None)


@pytest.mark.parametrize(
    ("port", "payload", "fixed"),
    [
        (51_820, wireguard_initiation("w"), [0, 1, 2, 3, 39, *range(132, 148)]),
        (1_194, openvpn_reset("o", 0), [0, *range(9, 14)]),
        (1_194, openvpn_reset("o"), [0, 29, 30, 31, 32, *range(37, 42)]),
        (1_194, openvpn_crypt_reset("o"), [0, 9, 10, 11, 12]),
        (1_194, openvpn_crypt_reset("o", 290), [0, 9, 10, 11, 12, 342, 343]),
        (500, ike_message("i", (33, 0x20, 34, 0x08)), range(8, 28)),
        (4_500, bytes(4) + ike_message("i", (33, 0x20, 34, 0x08)), [0, 1, 2, 3, *range(12, 32)]),
    ],
)
def test_every_fixed_byte_counts(port: int, payload: bytes, fixed: list[int]) -> None:
    for at in fixed:
        changed = bytearray(payload)
        changed[at] ^= 0x80
        assert concealing_carrier(bytes(changed), len(changed), port) is None, at


@pytest.mark.parametrize(
    ("port", "payload"),
    [
        (51_820, wireguard_response("w")),
        (51_820, wireguard_data("w", 132)),
        (51_820, b"\x01\0\0\0" + bytes(144)),
        (53, b"\x01\0\0\0\0\1\0\0\0\0\0\0" + b"\x03www" + bytes(132)),
        (53, DNS_QUERY),
        (1_194, b"\x38" + bytes(13)),
        (1_194, b"\x38session1" + bytes(20) + b"\0\0\0\1" + b"\x1f\0\0\0" + bytes(5)),  # in 1986
        (501, ike_message("i", (33, 0x20, 34, 0x08))),
        (500, bytes(4) + ike_message("i", (33, 0x20, 34, 0x08))),
        (4_500, ike_message("i", (33, 0x20, 34, 0x08))),
        (500, ike_message("i", (33, 0x20, 34, 0x20), answer=True)),
        (500, ike_message("i", (33, 0x20, 34, 0x08), answer=True)),
        (4_500, b"\xff"),
    ],
)
def test_what_is_alike(port: int, payload: bytes) -> None:
    assert concealing_carrier(payload, len(payload), port) is None


@given(
    st.sampled_from([b"", b"\x01\0\0\0", b"\x38", b"\x50", bytes(4)]),
    st.one_of(
        st.binary(max_size=200),
        st.sampled_from([13, 41, 53, 144, 147]).flatmap(lambda size: st.binary(min_size=size, max_size=size)),
    ),
    st.sampled_from([53, 443, 500, 1_194, 4_500, 51_820]),
)
def test_random_datagrams_are_none(head: bytes, tail: bytes, port: int) -> None:
    payload = head + tail
    assert concealing_carrier(payload, len(payload), port) is None


def test_only_a_flow_s_first_datagrams_are_tried() -> None:
    other = [up(at, payload=b"\xaa" * 60, transport=17) for at in range(8)]
    assert Run([*other, up(9, payload=wireguard_initiation("w"), transport=17)]).hellos == []
    assert len(Run([*other[:7], up(9, payload=wireguard_initiation("w"), transport=17)]).hellos) == 1


@pytest.mark.parametrize(
    ("begin", "expected"),
    [
        (b"", None),
        (b"\0", None),
        (b"\4", None),
        (b"\5", False),
        (b"\0\x0d", False),
        (b"\0\x0e", None),
        (b"\0\x0e\x38", True),
        (b"\0\x0e\x40", False),
        (b"\4\x36\x50", True),
        (b"\4\x37", False),
    ],
)
def test_looks_like_openvpn(begin: bytes, expected: bool | None) -> None:  # noqa: FBT001
    assert looks_like_openvpn(begin) is expected
