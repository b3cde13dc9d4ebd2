"""The kinds of value that every part of the policy language is made of."""

from typing import Annotated, Literal

from msgspec import Meta

Severity = Literal["low", "medium", "high", "critical"]
FindingKind = Literal[
    "violation", "indeterminate",
    "dual-exposure", "gateway-bypass", "relay-suspected", "unusual-upload", "console-access",
]  # fmt: skip
# One line of printable text: it is printed as it stands, and may not add lines or turn the reading direction.
ONE_LINE = r"\A[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]*\Z"
Word = Annotated[str, Meta(min_length=1, max_length=200, pattern=ONE_LINE)]
Words = Annotated[tuple[Word, ...], Meta(min_length=1)]  # an empty list would select nothing
Quantity = int | Word  # a duration or a size, as written: "24h", "10 MB"

SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low")  # worst first
DEFAULT_SEVERITY: Severity = "medium"
