"""What decisions of a ledger were made with: what its records say was loaded, by where they stand. Pure.

Records count by their place and not by the clock: packets may be of any time.
"""

from bisect import bisect_right

from msgspec.structs import replace

from monitor.report.types import Loaded, Period

MAX_STATES = 10_000  # of one ledger


class LoadedLog:
    """The states that a ledger was in, and which of them decided on anything."""

    def __init__(self, input_: int) -> None:
        self.left_out = 0
        self._current = Loaded(input_, None, "", "", None)
        self._starts: list[int] = []
        self._states: list[Loaded] = []
        self._used: set[int] = set()

    def policy(self, index: int, at_ns: int, version: str) -> None:
        """Note that a policy was loaded, by the record at an index."""
        self._note(index, replace(self._current, at_ns=at_ns, policy=version))

    def datasets(self, index: int, at_ns: int, tool: str, known: tuple[str, tuple[str, ...]]) -> None:
        """Note that a catalogue and data sets were loaded."""
        catalogue, datasets = known
        state = replace(self._current, at_ns=at_ns, tool=tool, catalogue=catalogue, datasets=datasets)
        self._note(index, state)

    def policy_at(self, index: int) -> str | None:
        """Return the policy that made the decision at an index."""
        at = bisect_right(self._starts, index) - 1
        return self._states[at].policy if at >= 0 else None

    def use(self, index: int) -> None:
        """Note that the record at an index is a decision that counts."""
        at = bisect_right(self._starts, index) - 1
        if at >= 0:
            self._used.add(at)

    def states(self, period: Period) -> list[Loaded]:
        """Return the states that decisions were made in; without any decision those of the period."""
        if self._used:
            return [self._states[at] for at in sorted(self._used)]
        begun = [
            state
            for state in self._states
            if period.until_ns is None or state.at_ns is None or state.at_ns < period.until_ns
        ]
        over = [
            at
            for at, state in enumerate(begun)
            if period.since_ns is not None and state.at_ns is not None and state.at_ns <= period.since_ns
        ]
        return begun[over[-1] if over else 0 :]

    def _note(self, index: int, state: Loaded) -> None:
        before, self._current = self._current, state
        if replace(state, at_ns=None) == replace(before, at_ns=None) and self._states:
            return
        if self._states and self._states[-1].at_ns == state.at_ns and len(self._states) - 1 not in self._used:
            self._states[-1] = state
        elif len(self._states) < MAX_STATES:
            self._starts.append(index)
            self._states.append(state)
        else:
            self.left_out += 1
