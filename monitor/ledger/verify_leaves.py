"""Reads leaves strictly: one spelling each. Pure."""

import msgspec

from monitor.ledger.types import Leaf, leaf_bytes

_decode = msgspec.json.Decoder(Leaf).decode


def read_leaf(raw: bytes) -> Leaf | str:
    """Return the leaf, or why it is none."""
    try:
        leaf = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return f"its leaf cannot be read: {error}"
    return leaf if leaf_bytes(leaf) == raw else "its leaf is not canonical JSON"
