"""The bounds of a sensor; the accounting's counters say when one bit."""

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """How much a sensor keeps at once."""

    flows: int = 250_000
    stream_bytes: int = 131_072  # of each direction of a flow while its first message is incomplete
    reading_bytes: int = 268_435_456  # of all flows' first messages that are incomplete
    fragments: int = 4_096  # IP datagrams waiting for fragments
