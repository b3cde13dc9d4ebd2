"""The bounds of a sensor, and of a correlator; their counters say when one bit.

What a document may ask for is bounded too: less would see nothing of ordinary traffic. Tests ask for less.
"""

from typing import Annotated

from msgspec import Meta, Struct

MOST = 100_000_000  # of anything that is counted
MOST_BYTES = 2**40


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """How much a sensor keeps at once."""

    flows: Annotated[int, Meta(ge=1_000, le=MOST)] = 250_000
    # of each direction of a flow while its first message is incomplete
    stream_bytes: Annotated[int, Meta(ge=16_384, le=MOST_BYTES)] = 131_072
    # of all flows' first messages that are incomplete
    reading_bytes: Annotated[int, Meta(ge=1_048_576, le=MOST_BYTES)] = 268_435_456
    fragments: Annotated[int, Meta(ge=16, le=MOST)] = 4_096  # IP datagrams waiting for fragments


class NameLimits(Struct, frozen=True, forbid_unknown_fields=True):
    """How much a correlator keeps at once."""

    pending: Annotated[int, Meta(ge=1_000, le=MOST)] = (
        500_000  # flows whose hello was seen, whose end was not
    )
    hellos: Annotated[int, Meta(ge=2, le=1_000)] = 8  # of one flow: a tunnel in a tunnel has two
    # of DNS answers, for all clients together
    answer_bytes: Annotated[int, Meta(ge=1_048_576, le=MOST_BYTES)] = 268_435_456
    public_names: Annotated[int, Meta(ge=256, le=MOST)] = (
        65_536  # outer names of ECH, of all clients together
    )
    names: Annotated[int, Meta(ge=8, le=65_536)] = 128  # of one address for one asker
    lifetimes: Annotated[int, Meta(ge=1, le=65_536)] = 32  # of one name at one address
    # clients that were connected to where voice and video are arranged
    callers: Annotated[int, Meta(ge=256, le=MOST)] = 65_536
