"""Names in a ledger root: a tenant's folder, its payload files, and the origin of its checkpoints. Pure.

A name that goes into a path is percent-encoded (RFC 3986) but for letters, digits, ".", "-" and "_"; a "." or
"_" at its beginning is encoded, too. So every tenant has a folder of its own, and none is "..".
"""

import re
from urllib.parse import quote, unquote

from monitor.ledger.days import is_day_file
from monitor.ledger.types import PayloadClass

LEDGER, CHECKPOINT, JOURNAL = "ledger.json", "checkpoint", "journal"
PAYLOADS, TILES = "payloads", "tile"
UNASSIGNED = "_unassigned"  # the folder of what no tenant owns
MAX_FOLDER_BYTES = 255  # of a name on the usual file systems

_NEVER_ENCODED_BY_QUOTE = "~"
_FOLDER = re.compile(r"(?:[A-Za-z0-9-]|%[0-9A-F]{2})(?:[A-Za-z0-9._-]|%[0-9A-F]{2})*", re.ASCII)


def tenant_folder(tenant: str | None) -> str:
    """Return the name of a tenant's folder. Raises ValueError for a name that can have none."""
    if tenant is None:
        return UNASSIGNED
    name = _encoded(tenant)
    if not 1 <= len(name) <= MAX_FOLDER_BYTES:
        raise ValueError(f"{len(name)} characters are no name of a folder")
    return name


def folder_tenant(name: str) -> str | None:
    """Return whose folder it is; the inverse of `tenant_folder`. Raises ValueError for other names."""
    if name == UNASSIGNED:
        return None
    if _FOLDER.fullmatch(name):
        tenant = unquote(name, errors="strict")
        if tenant_folder(tenant) == name:
            return tenant
    raise ValueError(f"{name!r} is no folder of a tenant")


def key_name(sensor: str) -> str:
    """Return the name of a sensor's key, as it stands in its file."""
    return f"residency/{_encoded(sensor)}"


def origin(key: str, tenant: str | None) -> str:
    """Return the origin of a tenant's checkpoints, and the name that their key has: `key` is the sensor's."""
    return f"{key}/{tenant_folder(tenant)}"


def payload_path(payload_class: PayloadClass, day: str) -> str:
    """Return where in a ledger payloads stand. Raises ValueError for what is no day."""
    name = f"{day}.jsonl"
    if not is_day_file(name):
        raise ValueError(f"{day!r} is no day")
    return f"{PAYLOADS}/{payload_class}/{name}"


def _encoded(name: str) -> str:
    encoded = quote(name, safe="").replace(_NEVER_ENCODED_BY_QUOTE, "%7E")
    return f"%{ord(encoded[0]):02X}{encoded[1:]}" if encoded[:1] in {".", "_"} else encoded
