"""What a metric is, and the labels that there are. Pure.

Labels are a closed set. Beside those given here every series has `sensor`. No label ever holds an address, a
host name, or what tells one connection from another.
"""

from typing import Literal

from msgspec import Struct

SENSOR = "sensor"
LABELS = frozenset({
    "tenant", "source_group", "policy", "provider", "dst_region", "country", "outcome", "severity",
    "certainty", SENSOR, "sink", "reason",
})  # fmt: skip
OWNER = ("tenant", "source_group")
RULED = (*OWNER, "policy", "outcome", "severity")
FOUND = (*OWNER, "policy", "severity")
ENDPOINT = ("provider", "dst_region")
DECIDED = (*OWNER, "policy", *ENDPOINT, "outcome", "severity", "certainty")

Kind = Literal["counter", "gauge", "info", "histogram"]


class Family(Struct, frozen=True):
    """One metric. ``bounds`` are those of a histogram's buckets, without the last, infinite one."""

    name: str
    kind: Kind
    says: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()

    @property
    def lines(self) -> int:
        """How many samples one of its series is: a histogram's buckets, the infinite one, count and sum."""
        return len(self.bounds) + 3 if self.kind == "histogram" else 1
