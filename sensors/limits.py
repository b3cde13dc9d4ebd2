"""The bounds of a sensor, and of a correlator; their counters say when one bit."""

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """How much a sensor keeps at once."""

    flows: int = 250_000
    stream_bytes: int = 131_072  # of each direction of a flow while its first message is incomplete
    reading_bytes: int = 268_435_456  # of all flows' first messages that are incomplete
    fragments: int = 4_096  # IP datagrams waiting for fragments


class NameLimits(msgspec.Struct, frozen=True):
    """How much a correlator keeps at once."""

    pending: int = 500_000  # flows whose hello was seen and whose end was not
    hellos: int = 8  # of one flow: a tunnel in a tunnel has two
    answer_bytes: int = 268_435_456  # of DNS answers, for all clients together
    public_names: int = 65_536  # outer names of ECH, for all clients together
    names: int = 128  # of one address for one asker
    lifetimes: int = 32  # of one name at one address
    callers: int = 65_536  # clients that were connected to where voice and video are arranged
