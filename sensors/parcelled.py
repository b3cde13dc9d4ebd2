"""Where an encoded batch stands among others, and what came of it: what relaying is told, and tells. Pure."""

import msgspec


class NotABatchError(ValueError):
    """What was given is no array of values; none of it was taken."""


class Taken(msgspec.Struct, frozen=True):
    """How many values of a batch were observations, none at all, and of a kind that is not known here."""

    observations: int
    malformed: int
    unknown: int


Placed = tuple[int, int, int, int, int, bytes]
"""A parcel: its number from 1 on, its source's, its account's, the span that it is of, and its batch.

The parcels of a source, one run of a sensor, keep their order. Observations count at their times, within
the span of their parcel, from a moment in nanoseconds to another. The source's number decides between equal
times, and what is counted goes to the account.
"""
