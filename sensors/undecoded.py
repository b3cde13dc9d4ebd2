"""Why a frame could not be decoded. The reason is the counter's name, and says which of four it was.

"malformed-x": no valid sender could have sent it. "truncated-x": the snap length cut a header that is
needed. "unknown-x": valid, but not ours to read. "too-deep-nesting": valid, but beyond a bound.
"""


class Undecoded(Exception):  # noqa: N818  an outcome of parsing, not an error of the program
    """A frame that yields nothing. ``reason`` names its counter."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def short(layer: str, needed_bytes: int, wire_bytes: int) -> Undecoded:
    """Return the outcome of a header that was not captured: never sent, or cut by the snap length."""
    return Undecoded(f"malformed-{layer}" if wire_bytes < needed_bytes else f"truncated-{layer}")
