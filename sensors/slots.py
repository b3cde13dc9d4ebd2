"""Whose slot a client is in: by a keyed hash, so that nobody reads an address off it. Pure."""

import hashlib
import hmac

SLOTS = 1_024  # of clients: more than there are partitions, for good


def slot_of(client: str, key: bytes) -> int:
    """Return the slot of a client's address: the same for everybody who has the key."""
    digest = hmac.digest(key, client.encode("ascii", "replace"), hashlib.sha256)
    return int.from_bytes(digest[:4]) % SLOTS
