"""What all inputs of a report come to, before it is arranged. Pure."""

from collections import Counter

from monitor.behaviours import Behaviour
from monitor.report.found import FoundSoFar
from monitor.report.gathering import Gathering
from monitor.report.periods import touches
from monitor.report.policies import Policies
from monitor.report.seeing import Seeing
from monitor.report.types import Input, Loaded, Period

MAX_BEHAVIOURS = 10_000  # at once, of which fewer are shown
MAX_LOADED = 1_000
MAX_CAPTURES = 1_000  # of one input, that are listed


class Material:
    """Holds what was read so far. ``limits`` are sentences on what inputs of a kind cannot show."""

    def __init__(self, period: Period, tenant: str | None) -> None:
        self.period = period
        self.tenant = tenant
        self.gathering = Gathering(period, tenant)
        self.seeing = Seeing(period, tenant)
        self.found = FoundSoFar(period, tenant)
        self.policies = Policies()
        self.inputs: list[Input] = []
        self.loaded: list[Loaded] = []
        self.behaviours: list[Behaviour] = []
        self.limits: dict[str, None] = {}  # in order, each once
        self.left_out: Counter[str] = Counter()

    def load(self, loaded: Loaded) -> None:
        """Take what decisions were made with."""
        if len(self.loaded) < MAX_LOADED:
            self.loaded.append(loaded)
        else:
            self.left_out["loaded"] += 1

    def behave(self, behaviour: Behaviour) -> None:
        """Take a behaviour, where it is asked for."""
        if self.tenant not in (None, behaviour.subject.tenant):
            return
        if not touches(self.period, behaviour.first_ns, behaviour.last_ns):
            return
        if len(self.behaviours) < MAX_BEHAVIOURS:
            self.behaviours.append(behaviour)
        else:
            self.left_out["behaviours"] += 1

    def captures(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the captures of an input that are listed."""
        self.left_out["captures"] += max(len(names) - MAX_CAPTURES, 0)
        return names[:MAX_CAPTURES]

    def versions(self) -> tuple[str, ...]:
        """Return the versions of the policies that judged, in order."""
        return tuple(dict.fromkeys(each.policy for each in self.loaded if each.policy is not None))
