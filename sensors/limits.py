"""The bounds of a sensor. Each has a counter that says when it bit."""

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """How much a sensor keeps at once."""

    flows: int = 250_000
    stream_bytes: int = 131_072  # of each direction of a flow while its first message is incomplete
    fragments: int = 4_096  # IP datagrams waiting for fragments
