"""Where the connections of findings can be looked up: of each the first few, in any order they came. Pure."""

from bisect import insort
from typing import NamedTuple

from monitor.findings.keys import Key, key_of
from monitor.rejudge.types import Recorded
from monitor.report.types import Reference
from monitor.tally import evident_name

MAX_REFERENCES = 5  # of one finding
MAX_FINDINGS = 10_000  # whose connections are remembered


class _Placed(NamedTuple):
    ts_ns: int
    order: tuple[str, int, str, int, str, int, str]
    input: int
    record: int
    reference: Reference


class References:
    """Remembers the first connections of each finding. ``left_out`` are those of findings without room."""

    def __init__(self) -> None:
        self.left_out = 0
        self._placed: dict[Key, list[_Placed]] = {}
        self._of: dict[str, list[_Placed]] = {}  # the same by identifier, which takes long to make

    def add(self, recorded: Recorded, input_: int) -> None:
        """Remember a connection, where it is one of a finding's first."""
        decision = recorded.decision
        key = key_of(decision)
        if key is None:
            return
        placed = self._placed.get(key)
        if placed is None:
            if len(self._placed) >= MAX_FINDINGS:
                self.left_out += 1
                return
            placed = self._placed[key] = self._of[key.id()] = []
        if len(placed) >= MAX_REFERENCES and decision.ts_ns > placed[-1].ts_ns:
            return
        order = decision.connection.flow.order()
        insort(placed, _Placed(decision.ts_ns, order, input_, recorded.index, _reference(recorded, input_)))
        del placed[MAX_REFERENCES:]

    def of(self, finding: str) -> tuple[Reference, ...]:
        """Return the first connections of a finding, by first packet, over all inputs."""
        return tuple(each.reference for each in self._of.get(finding, ()))


def _reference(recorded: Recorded, input_: int) -> Reference:
    connection = recorded.decision.connection
    name = evident_name(connection)
    return Reference(
        input=input_,
        index=recorded.index,
        ts_ns=recorded.decision.ts_ns,
        flow=connection.flow,
        server_name=name.value if name is not None else None,
        bytes_up=connection.totals.bytes_up,
        bytes_down=connection.totals.bytes_down,
    )
