"""Findings as they stood at the end of the period, with what happened to them until then. Pure, bounded.

A ledger has every change of a finding: the last one before the end counts, whatever came later. A file has
each finding as it stands, once.
"""

import msgspec

from monitor.findings import rank
from monitor.findings.transitions import CLOSED
from monitor.findings.types import Change, Finding
from monitor.report.periods import touches
from monitor.report.references import References
from monitor.report.types import Found, Period, Step

MAX_HELD = 10_000  # findings at once
MAX_SHOWN = 1_000
MAX_STEPS = 50  # of one finding: its first, and the last ones


class _Life(msgspec.Struct):
    finding: Finding
    at_ns: int
    steps: list[Step] = msgspec.field(default_factory=list)
    more_steps: int = 0


class FoundSoFar:
    """Holds findings of several inputs. ``left_out`` are changes or findings that there was no room for."""

    def __init__(self, period: Period, tenant: str | None = None) -> None:
        self.left_out = 0
        self.more_steps = 0
        self._period = period
        self._tenant = tenant
        self._lives: dict[tuple[int, str], _Life] = {}
        self.tenants: set[str] = set()

    def stands(self, finding: Finding, input_: int) -> None:
        """Take a finding that a file says, where it touches the period."""
        if self._is_asked(finding) and touches(self._period, finding.first_ns, finding.last_ns):
            self._life(finding, finding.last_ns, input_)

    def changed(self, change: Change, input_: int) -> None:
        """Take a change that a ledger has, where it comes before the end of the period."""
        until_ns = self._period.until_ns
        if not self._is_asked(change.finding) or (until_ns is not None and change.at_ns >= until_ns):
            return
        life = self._life(change.finding, change.at_ns, input_)
        if life is None:
            return
        if change.finding.revision >= life.finding.revision:
            life.finding, life.at_ns = change.finding, change.at_ns
        life.steps.append(Step(change.at_ns, change.what, change.why))
        if len(life.steps) > MAX_STEPS:
            del life.steps[1]
            life.more_steps += 1

    def found(self, references: References) -> tuple[Found, ...]:
        """Return the findings whose life touches the period: worst first, at most MAX_SHOWN."""
        lives = [(key[0], life) for key, life in self._lives.items() if self._lives_on(life)]
        lives.sort(key=lambda each: (*rank(each[1].finding), each[0]))
        shown = lives[:MAX_SHOWN]
        self.left_out += len(lives) - len(shown)
        self.more_steps += sum(life.more_steps for _, life in shown)
        return tuple(
            Found(life.finding, input_, references.of(life.finding.id), tuple(life.steps))
            for input_, life in shown
        )

    def _life(self, finding: Finding, at_ns: int, input_: int) -> _Life | None:
        key = input_, finding.id
        life = self._lives.get(key)
        if life is None:
            if len(self._lives) >= MAX_HELD:
                self.left_out += 1
                return None
            life = self._lives[key] = _Life(finding, at_ns)
        return life

    def _is_asked(self, finding: Finding) -> bool:
        tenant = finding.subject.tenant
        if tenant is not None and len(self.tenants) < MAX_HELD:
            self.tenants.add(tenant)
        return self._tenant in (None, tenant)

    def _lives_on(self, life: _Life) -> bool:
        """Tell whether a finding was about in the period: one that is not closed goes on."""
        finding = life.finding
        goes_on = bool(life.steps) and finding.state not in CLOSED
        last_ns = None if goes_on else max(finding.last_ns, finding.alive_ns, life.at_ns)
        return touches(self._period, finding.first_ns, last_ns)
