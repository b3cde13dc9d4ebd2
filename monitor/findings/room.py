"""Which findings go: those that closed long ago; and of too many the closed ones, the mildest, the oldest."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Literal

from monitor.findings.transitions import CLOSED
from monitor.findings.types import Finding
from monitor.policy.words import SEVERITIES

KeptAs = Literal["violation", "indeterminate"]
KeptDays = Callable[[KeptAs], int | None]  # None: for good

MAX_FINDINGS = 10_000
ROOM = MAX_FINDINGS // 16  # is made at once, so that a flood of findings does not sort them each time
MAX_REVISIONS = 100_000  # of findings that went, so that no revision comes twice
_DAY_NS = 86_400 * 1_000_000_000


def class_of(finding: Finding) -> KeptAs:
    """Return as what a finding is kept: as the decisions of its kind; behaviours as violations."""
    return "indeterminate" if finding.kind == "indeterminate" else "violation"


def is_over(finding: Finding, now_ns: int, kept_days: KeptDays) -> bool:
    """Tell whether a finding's cure, or its waiver's end, is so many days ago (of the calendar, in UTC).

    Packets do not count: they may say any time.
    """
    days = kept_days(class_of(finding))
    if finding.state not in CLOSED or days is None:
        return False
    cured_ns = finding.cured.at_ns if finding.cured is not None else 0
    waived_ns = finding.waiver.until_ns if finding.waiver is not None else 0
    return now_ns // _DAY_NS - max(cured_ns, waived_ns) // _DAY_NS > days


def too_many(findings: Iterable[Finding], count: int) -> list[Finding]:
    """Return so many findings that are missed least."""
    return sorted(findings, key=_worth)[:count]


class Revisions:
    """The last revisions of findings that went from memory. The oldest of them are forgotten."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, int] = OrderedDict()

    def note(self, id_: str, revision: int) -> None:
        """Remember where a finding that goes stood."""
        self._last[id_] = revision
        self._last.move_to_end(id_)
        if len(self._last) > MAX_REVISIONS:
            self._last.popitem(last=False)

    def take(self, id_: str) -> int:
        """Return where a finding stood that comes back; 0 where it was never here."""
        return self._last.pop(id_, 0)


def _worth(finding: Finding) -> tuple[bool, int, int, str]:
    mildness = SEVERITIES.index(finding.severity)
    return finding.state not in CLOSED, -mildness, finding.last_ns, finding.id
