"""The messages of a fleet, as msgpack maps with a version. Frozen values, read and written here alone. Pure.

Sensors publish parcels. Every client has a slot, by a keyed hash, and every slot a partition: so what is
observed of one client meets in one place, its DNS with its flows. Names that other clients' flows may
need, the beat of a sensor's clock and its end go to all partitions. Correlators publish what they judged,
by tenant.
"""

from typing import Annotated, Literal

import msgspec

from monitor.origins import Origin
from monitor.types import Decision
from monitor.windows import Window
from sensors.observations import Count
from sensors.slots import SLOTS as SLOTS  # noqa: PLC0414  handed on
from sensors.slots import slot_of as slot_of  # noqa: PLC0414

__all__ = [
    "MAX_ACCOUNT_BYTES", "MAX_OBSERVATIONS", "MAX_PARCEL_BYTES", "SLOTS", "TO_ALL", "VERSION", "Account",
    "Covered", "Judged", "NotAMessageError", "Origin", "Parcel", "ParcelKind", "Said", "UnknownVersionError",
    "decode_parcel", "decode_said", "encode", "slot_of",
]  # fmt: skip

VERSION = 1
MAX_PARCEL_BYTES = 900_000  # encoded: below what brokers take as they come (1 MiB with its envelope)
MAX_OBSERVATIONS = 4_096  # in one parcel
MAX_ACCOUNT_BYTES = 65_536
MAX_NAME = 255  # characters of a sensor's name, and of a run's

ParcelKind = Literal["observations", "names", "beat", "account", "end"]
_Name = Annotated[str, msgspec.Meta(max_length=MAX_NAME)]
_Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_MOST_BYTES: dict[ParcelKind, int] = {"beat": 0, "account": MAX_ACCOUNT_BYTES, "end": 0}  # of data
TO_ALL: frozenset[ParcelKind] = frozenset({"names", "beat", "end"})  # partitions


class Account(msgspec.Struct, frozen=True):
    """What a sensor read between two moments of packet time, and what it did not. Counts are of that span.

    ``shed`` are observations that there was no room for in the spool, ``blind`` sentences why nobody can
    tell what passed.
    """

    since_ns: int
    until_ns: int
    packets: _Number
    lost: dict[str, Count] = {}
    shed: _Number = 0
    blind: tuple[str, ...] = ()


class Parcel(msgspec.Struct, frozen=True, gc=False):
    """What a sensor says at once.

    ``run`` is the sensor's process, another one at each start. ``number`` counts its parcels from 0: in each
    partition they come in this order, with holes. ``clock_ns`` is the latest packet's time when this was cut,
    and never goes back within a run. ``slot`` is whose the observations are, null for what is nobody's.
    ``data`` is a msgpack array of observations (kinds "observations" and "names"), or one Account.
    """

    sensor: _Name
    run: _Name
    number: _Number
    clock_ns: _Number
    kind: ParcelKind
    slot: int | None = None
    data: bytes = b""
    v: int = VERSION


class Judged(msgspec.Struct, frozen=True, tag="judged"):
    """A decision. ``clock_ns`` is that of its parcel."""

    origin: Origin
    clock_ns: int
    decision: Decision
    v: int = VERSION


class Covered(msgspec.Struct, frozen=True, tag="covered"):
    """How much of what one sensor published in a span could be named, in one partition: counts add up."""

    origin: Origin
    clock_ns: int
    window: Window
    v: int = VERSION


Said = Judged | Covered


class UnknownVersionError(ValueError):
    """A message of another version than this program knows."""


class NotAMessageError(ValueError):
    """Bytes that are no message of a fleet."""


_encode = msgspec.msgpack.Encoder().encode
_parcel = msgspec.msgpack.Decoder(Parcel).decode
_said = msgspec.msgpack.Decoder(Said).decode
_version = msgspec.msgpack.Decoder(dict[str, msgspec.Raw]).decode


def encode(message: Parcel | Judged | Covered) -> bytes:
    """Return a message as it is published."""
    return _encode(message)


def decode_parcel(data: bytes) -> Parcel:
    """Return a sensor's message. Raises UnknownVersionError, NotAMessageError."""
    try:
        parcel = _parcel(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _refused(data, str(error)) from None
    if parcel.v != VERSION:
        raise UnknownVersionError(f"version {parcel.v}; this program knows {VERSION}")
    if parcel.data and len(parcel.data) > _MOST_BYTES.get(parcel.kind, len(parcel.data)):
        raise NotAMessageError(f"{len(parcel.data)} bytes: more than a parcel of its kind has")
    return parcel


def decode_said(data: bytes) -> Said:
    """Return a correlator's message. Raises UnknownVersionError, NotAMessageError."""
    try:
        said: Said = _said(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _refused(data, str(error)) from None
    if said.v != VERSION:
        raise UnknownVersionError(f"version {said.v}; this program knows {VERSION}")
    return said


def _refused(data: bytes, problem: str) -> ValueError:
    """Return why bytes are not taken: a version that says something else, or no message at all."""
    try:
        version = msgspec.msgpack.decode(_version(data)["v"], type=int)
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError):
        return NotAMessageError(problem)
    if version != VERSION:
        return UnknownVersionError(f"version {version}; this program knows {VERSION}")
    return NotAMessageError(problem)
