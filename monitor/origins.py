"""Where in a fleet something that was recorded comes from. Pure."""

import msgspec


class Origin(msgspec.Struct, frozen=True, order=True):
    """Which parcel, in which partition, led to something, and how many things it led to before (``index``).

    The same parcel leads to the same things. Whoever has taken one knows what to pass over when it comes
    again.
    """

    partition: int
    sensor: str
    run: str
    number: int
    index: int
