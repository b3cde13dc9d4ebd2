"""Which findings stay when there are too many of them: closed ones go first, then the mildest, the oldest."""

from collections import OrderedDict
from collections.abc import Iterable

from monitor.findings.transitions import CLOSED
from monitor.findings.types import Finding
from monitor.policy.words import SEVERITIES

MAX_FINDINGS = 10_000
ROOM = MAX_FINDINGS // 16  # is made at once, so that a flood of findings does not sort them each time
MAX_REVISIONS = 100_000  # of findings that went, so that no revision comes twice


def too_many(findings: Iterable[Finding], count: int) -> list[Finding]:
    """Return so many findings that are missed least."""
    return sorted(findings, key=_worth)[:count]


class Revisions:
    """The last revisions of findings that went from memory. The oldest of them are forgotten."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, int] = OrderedDict()

    def note(self, finding: Finding) -> None:
        """Remember where a finding that goes stood."""
        self._last[finding.id] = finding.revision
        self._last.move_to_end(finding.id)
        if len(self._last) > MAX_REVISIONS:
            self._last.popitem(last=False)

    def take(self, id_: str) -> int:
        """Return where a finding stood that comes back; 0 where it was never here."""
        return self._last.pop(id_, 0)


def _worth(finding: Finding) -> tuple[bool, int, int, str]:
    mildness = SEVERITIES.index(finding.severity)
    return finding.state not in CLOSED, -mildness, finding.last_ns, finding.id
