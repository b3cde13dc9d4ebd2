"""What the decisions of one finding add up to, where no change of it was recorded. Pure."""

from collections.abc import Iterable

import msgspec

from monitor.findings import Book
from monitor.findings.types import Finding
from monitor.types import Decision

_decode = msgspec.json.Decoder(Decision).decode


def computed(finding: str, lines: Iterable[bytes]) -> Finding | None:
    """Return the finding as these decisions add up to; None where none is of it.

    Without the policy: its clocks are those of none. Raises msgspec.DecodeError.
    """
    book = Book(None)
    for line in lines:
        book.offer(_decode(line))
    return book.get(finding)
