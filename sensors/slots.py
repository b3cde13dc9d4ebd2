"""Whose slot a client is in: by a keyed hash, so that nobody reads an address off it. Pure."""

import hashlib
import hmac

SLOTS = 256  # of clients, for good: no topic has use for more partitions


def slot_of(client: str, key: bytes) -> int:
    """Return the slot of a client's address: the same for everybody who has the key."""
    digest = hmac.digest(key, client.encode("ascii", "replace"), hashlib.sha256)
    return int.from_bytes(digest[:4]) % SLOTS
