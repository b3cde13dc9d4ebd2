"""Where an encoded batch stands among others, and what came of it: what relaying is told, and tells. Pure."""

from typing import NamedTuple

import msgspec


class NotABatchError(ValueError):
    """What was given is no array of values; none of it was taken."""


class Taken(msgspec.Struct, frozen=True):
    """How many values of a batch were observations, none at all, and of a kind that is not known here."""

    observations: int
    malformed: int
    unknown: int


class Place(NamedTuple):
    """A parcel, by its number from 1 on, and where it stands among others.

    The parcels of a sensor keep their order. Observations count at their times, within the span of their
    parcel; ``sensor``, a number, decides between equal times. What is counted goes to ``account``.
    """

    parcel: int
    sensor: int
    account: int
    since_ns: int
    until_ns: int
