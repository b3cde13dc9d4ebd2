"""What is told of encoded batches to whoever relays them: their place among others, and what came of them. Pure."""

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
    """A parcel, from 1, and where it stands among others.

    Its observations count at their times, in its own order, and within its span; ``rank`` decides between
    equal times, and then who came first. What is counted of it goes to ``account``.
    """

    parcel: int
    account: int
    rank: int
    since_ns: int
    until_ns: int
