"""What attribution may ask beside the catalogue. Pure."""

import msgspec

from monitor.attribution import GeoLookup, RangeLookup
from monitor.physics import Physics


class Aids(msgspec.Struct, frozen=True):
    """What may be known beside the catalogue: nothing, unless it is given.

    ``hosting`` are address ranges (CIDR notation) where LLM endpoints are hosted, beside the catalogue's own.
    """

    geo: GeoLookup | None = None
    ranges: RangeLookup | None = None
    physics: Physics | None = None
    hosting: tuple[str, ...] = ()
