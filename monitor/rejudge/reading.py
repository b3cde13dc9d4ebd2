"""What was seen while records were read: counts, what retention erased, and what could not be judged. Pure.

A decision may lack its payload where a retention record names its class and day, wherever that stands in the
ledger. So which are erased, and which are missing, is known at the end alone.
"""

from collections import Counter

from monitor.rejudge.summary import Erased, Input

MAX_DAYS = 50_000  # classes and days that are told apart; more are not believed to be erased
ALTERED, MALFORMED, MISSING, TOO_LONG, PUSHED_OUT = (
    "altered",
    "malformed",
    "missing",
    "too-long",
    "pushed-out",
)

_Day = tuple[str, str]  # payload class, day


class Reading:
    """Counts of one run over all its inputs."""

    def __init__(self) -> None:
        self.records = self.decisions = self.superseded = 0
        self.problems: Counter[str] = Counter()
        self.faults: list[str] = []
        self._of: Counter[str] = Counter()
        self._lacking: Counter[tuple[str, _Day]] = Counter()
        self._erased: set[tuple[str, _Day]] = set()

    def decision(self, payload_class: str) -> None:
        """Count a record of a decision."""
        self.decisions += 1
        self._of[payload_class] += 1

    def lacks_payload(self, ledger: str, payload_class: str, day: str) -> None:
        """Count a decision whose payload is not there."""
        key = ledger, (payload_class, day)
        if key not in self._lacking and len(self._lacking) >= MAX_DAYS:
            self.problems[MISSING] += 1
            return
        self._lacking[key] += 1

    def erased(self, ledger: str, payload_class: str, day: str) -> None:
        """Note that retention erased a day of a class."""
        if len(self._erased) < MAX_DAYS:
            self._erased.add((ledger, (payload_class, day)))

    def total(self, inputs: tuple[str, ...]) -> Input:
        """Return what was read."""
        problems = self.problems.copy()
        erased: dict[str, list[tuple[str, int]]] = {}
        for key, count in self._lacking.items():
            payload_class, day = key[1]
            if key in self._erased:
                erased.setdefault(payload_class, []).append((day, count))
            else:
                problems[MISSING] += count
        return Input(
            inputs,
            self.records,
            self.decisions,
            self.superseded,
            tuple(self._days(name, sorted(erased[name])) for name in sorted(erased)),
            dict(sorted((+problems).items())),
            tuple(self.faults),
        )

    def _days(self, name: str, days: list[tuple[str, int]]) -> Erased:
        return Erased(name, sum(count for _, count in days), self._of[name], days[0][0], days[-1][0])
