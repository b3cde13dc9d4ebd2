"""In which partition of decisions a tenant is. Pure.

All that is decided of a tenant meets in one partition: so its findings, and its ledger, are in one place.
"""

import hashlib

_NOBODY = b""  # the key of what no tenant owns


def key_of(tenant: str | None) -> bytes:
    """Return the key of a tenant's messages."""
    return tenant.encode("utf-8", "surrogatepass") if tenant is not None else _NOBODY


def partition_of(tenant: str | None, partitions: int) -> int:
    """Return a tenant's partition, of so many: the same for everybody, and spread evenly."""
    digest = hashlib.sha256(key_of(tenant)).digest()
    return int.from_bytes(digest[:8]) % partitions
