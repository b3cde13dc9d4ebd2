"""Messages of a fleet come back as they were, and nothing else is taken for one."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.fleet.parcels import (
    MAX_ACCOUNT_BYTES,
    SLOTS,
    VERSION,
    Covered,
    Judged,
    NotAMessageError,
    Origin,
    Parcel,
    ParcelKind,
    UnknownVersionError,
    decode_parcel,
    decode_said,
    encode,
    slot_of,
)
from monitor.types import Decision
from monitor.windows import Window
from pcaps.golden import PCAPS

ORIGIN = Origin(3, "egress-1", "0123456789abcdef", 7, 0)
PARCEL = Parcel("egress-1", "0123456789abcdef", 7, 5, "observations", 3, b"\x90")


def decisions() -> list[Decision]:
    lines = (PCAPS / "demo/decisions.jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Decision) for line in lines]


def test_what_was_encoded_is_decoded() -> None:
    assert decode_parcel(encode(PARCEL)) == PARCEL
    for decision in decisions():
        judged = Judged(ORIGIN, 5, decision)
        assert decode_said(encode(judged)) == judged
    covered = Covered(ORIGIN, 5, Window(1, 2, "egress-1", "all of it", 1, 2, {"sni": 1}, 3, {}))
    assert decode_said(encode(covered)) == covered


@pytest.mark.parametrize("version", [0, VERSION + 1])
def test_another_version_is_told_apart_from_what_is_no_message(version: int) -> None:
    for message in ({"v": version, "type": "judged"}, {"v": version, "more": [1]}):
        data = msgspec.msgpack.encode(message)
        for decode in (decode_parcel, decode_said):
            with pytest.raises(UnknownVersionError, match=f"version {version}"):
                decode(data)
    with pytest.raises(UnknownVersionError):
        decode_parcel(encode(msgspec.structs.replace(PARCEL, v=version)))


@given(data=st.binary(max_size=200))
def test_bytes_are_no_message(data: bytes) -> None:
    for decode in (decode_parcel, decode_said):
        with pytest.raises((NotAMessageError, UnknownVersionError)):
            decode(data)


@given(cut=st.integers(0, len(encode(PARCEL)) - 1))
def test_torn_messages_are_none(cut: int) -> None:
    with pytest.raises(NotAMessageError):
        decode_parcel(encode(PARCEL)[:cut])


def test_slots_are_spread_and_hang_on_the_key() -> None:
    clients = [f"10.20.{high}.{low}" for high in range(16) for low in range(256)]
    slots = [slot_of(client, b"key") for client in clients]
    assert len(set(slots)) > SLOTS * 0.95
    assert slots == [slot_of(client, b"key") for client in clients]
    assert slots != [slot_of(client, b"other") for client in clients]
    assert slot_of("10.20.1.5", b"key") == 111


@pytest.mark.parametrize("number", [-1, -(2**63), 2**63, 2**64 - 1])
@pytest.mark.parametrize("name", ["number", "clock_ns"])
def test_numbers_that_no_sensor_counts_to_are_no_message(name: str, number: int) -> None:
    with pytest.raises(NotAMessageError):
        decode_parcel(encode(msgspec.structs.replace(PARCEL, **{name: number})))


@pytest.mark.parametrize(("kind", "most"), [("beat", 0), ("end", 0), ("account", MAX_ACCOUNT_BYTES)])
def test_what_holds_no_observations_holds_nothing_large(kind: ParcelKind, most: int) -> None:
    parcel = msgspec.structs.replace(PARCEL, kind=kind, data=bytes(most))
    assert decode_parcel(encode(parcel)) == parcel
    with pytest.raises(NotAMessageError, match="bytes"):
        decode_parcel(encode(msgspec.structs.replace(parcel, data=bytes(most + 1))))
