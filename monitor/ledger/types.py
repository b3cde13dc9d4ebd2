"""What stands in a ledger. Frozen values, and how they become the leaves of its tree. Pure.

A leaf holds no personal data: only a salted hash of what it is about. So retention can erase the payload and
its salt, and the tree stays as it is.
"""

import hashlib
from typing import Literal, get_args

import msgspec

from monitor.types import Outcome

SALT_BYTES = 16
FORMAT = 1

# What retention tells apart. "record" is kept for good: what was loaded and done.
PayloadClass = Literal[Outcome, "inventory", "coverage", "record"]
CLASSES: tuple[PayloadClass, ...] = (
    "violation", "record", "coverage", "indeterminate", "unassigned", "excepted", "inventory", "allow",
)  # fmt: skip
RecordKind = Literal[
    "decision", "coverage", "finding", "exception-used", "policy-loaded", "datasets-loaded", "sensor-start",
    "sensor-stop", "gap", "configuration", "operator", "export", "retention", "finding-expired",
]  # fmt: skip
KINDS: tuple[RecordKind, ...] = get_args(RecordKind)


class Record(msgspec.Struct, frozen=True):
    """What is to be appended. ``payload`` is one JSON object, without line breaks; ``day`` names its file.

    ``at_ns`` is packet time where packets made it, the clock of the host otherwise.
    """

    kind: RecordKind
    at_ns: int
    payload_class: PayloadClass
    day: str  # 2026-03-10, or other-2026-03-10
    payload: bytes


class Leaf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A leaf of the tree, as its canonical JSON says: keys in order, no spaces, numbers whole."""

    at_ns: int
    day: str
    kind: RecordKind
    payload: str  # SHA-256 of salt and payload, hexadecimal
    payload_class: PayloadClass
    v: Literal[1] = 1


_encode = msgspec.json.Encoder(order="sorted").encode


def leaf_bytes(leaf: Leaf) -> bytes:
    """Return the leaf's canonical JSON: what stands in the entry bundles, and is hashed into the tree."""
    return _encode(leaf)


def payload_hash(salt: bytes, payload: bytes) -> str:
    """Return what a leaf says of its payload."""
    return hashlib.sha256(salt + payload).hexdigest()
