"""Keeps whoever is watched out of the log: their addresses, and the names that they asked for or reached.

A second line of defence: callers put neither into a field. Host names in running text are not found, since a
file may be called the same. Pure.
"""

import math
import re
from collections.abc import MutableMapping
from ipaddress import ip_address

WITHHELD = "[withheld]"
MAX_CHARACTERS = 2_000  # of a value; what is longer is cut

FIELDS = frozenset(  # that would hold a name or an address
    {"address", "addresses", "client", "cname", "cnames", "flow", "host", "hostname", "name", "names", "peer"}
    | {"qname", "resolver", "server", "server_name", "sni", "url"}
)
_CANDIDATES = re.compile(
    r"(?<!\w)(?:"
    r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}"  # MAC
    r"|(?:[0-9a-f]{0,4}:){2,8}(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4})"  # IPv6
    r"|\d{1,3}(?:\.\d{1,3}){3}"  # IPv4
    r")(?!\w)",
    re.IGNORECASE | re.ASCII,
)
_MAC_CHARACTERS = 17


def withhold(
    _logger: object, _method: str, fields: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """Return the fields without addresses and without what stands in FIELDS; a processor of structlog.

    Values come out as numbers, truth values, None, text, and lists of them. Loopback addresses stay.
    """
    for field, value in fields.items():
        fields[field] = WITHHELD if field in FIELDS else _clean(value)
    return fields


def _clean(value: object) -> object:
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, list | tuple):
        return [_clean(each) for each in value]
    text = str(value).encode("utf-8", "backslashreplace").decode()
    return _CANDIDATES.sub(lambda found: _judged(found[0]), text)[:MAX_CHARACTERS]


def _judged(candidate: str) -> str:
    """Withhold an address, also one that a colon of the text around it stuck to; leave a time of day."""
    if len(candidate) == _MAC_CHARACTERS and candidate.count(":") == 5 and "::" not in candidate:
        return WITHHELD
    for text in (candidate, candidate.removesuffix(":"), candidate.removeprefix(":"), candidate.strip(":")):
        try:
            address = ip_address(text)
        except ValueError:
            continue
        return candidate if address.is_loopback or address.is_unspecified else WITHHELD
    return candidate
