"""What the recording thread does beside recording: deadlines, what operators ask, retention, tidying up."""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from monitor.courier.progress import delivered_seq, lane_states
from monitor.events.types import CheckpointEvent
from monitor.files import InputError
from monitor.metrics.recorded import SinkState
from monitor.outbox.actions import action_name, answer, take
from monitor.recording.acting import act
from monitor.recording.core import Recording
from monitor.recording.records import Filing
from monitor.recording.troubles import trouble

SECOND_NS = 1_000_000_000
TICK_NS = 10 * SECOND_NS
TRIM_NS = 5 * SECOND_NS
EXPIRE_NS = 3_600 * SECOND_NS
CHECKPOINT_NS = 600 * SECOND_NS
MAX_REQUESTS = 64  # of operators, at once
MAX_SAID = 1_024


class Said(NamedTuple):
    """A line for the log, which another thread writes."""

    event: str
    fields: dict[str, object]
    level: Literal["info", "error"] = "info"


class Due:
    """Says once in a while that it is time. A clock that was set back makes it time, too."""

    def __init__(self, pause_ns: int) -> None:
        self._pause_ns = pause_ns
        self._last_ns: int | None = None

    def is_due(self, now_ns: int) -> bool:
        """Say whether it is time."""
        if self._last_ns is not None and 0 <= now_ns - self._last_ns < self._pause_ns:
            return False
        self._last_ns = now_ns
        return True


class Chores:
    """Does each when it is time, on the recording thread."""

    def __init__(self, recording: Recording, filing: Filing, state: Path, sinks: Sequence[str]) -> None:
        self.sinks: tuple[SinkState, ...] = tuple(map(SinkState, sinks))
        self.said: deque[Said] = deque(maxlen=MAX_SAID)
        self._recording = recording
        self._filing = filing
        self._state = state
        self._names = tuple(sinks)
        self._tick, self._trim = Due(TICK_NS), Due(TRIM_NS)
        self._expire, self._checkpoint = Due(EXPIRE_NS), Due(CHECKPOINT_NS)
        self._signed: dict[str | None, int] = {}

    def turn(self, now_ns: int) -> None:
        """Do what it is time for."""
        self._requests(now_ns)
        if not self._recording.behind and self._tick.is_due(now_ns):  # else it is not known what was told
            self._recording.owe(self._recording.book.tick(now_ns), now_ns)
        if self._trim.is_due(now_ns):
            outbox = self._recording.outbox
            outbox.trim(delivered_seq(self._state, self._names, outbox.last_seq))
            self.sinks = tuple(_sinks(self._state, self._names, now_ns))
        if self._checkpoint.is_due(now_ns):
            self.checkpoints(now_ns)
        if self._expire.is_due(now_ns):
            self._delete(now_ns)

    def checkpoints(self, now_ns: int) -> None:
        """Have the sinks told of every ledger's checkpoint that is new."""
        ledgers = self._recording.ledgers
        for tenant, size in list(ledgers.sizes.items()):
            if size == self._signed.get(tenant):
                continue
            with suppress(InputError):  # what is wrong with it is said where it is written to
                writer = ledgers.of(tenant)
                self._signed[tenant] = writer.size
                note = writer.checkpoint()
                key = f"checkpoint-{note.splitlines()[0]}-{writer.size}"
                self._recording.tell(CheckpointEvent(key, now_ns, self._filing.sensor, tenant, note))

    def _delete(self, now_ns: int) -> None:
        """Delete what was kept long enough, and say so."""
        swept = self._recording.ledgers.expire(now_ns, self._filing.kept_days)
        for files in swept.expired.values():
            for each in files:
                self.said.append(
                    Said("deleted", {"kind": each.payload_class, "day": each.day, "bytes": each.bytes})
                )
        for failure in swept.failures:
            mend = "let the daemon's user delete them: they are kept for longer than ledger.retention_days"
            self.said.append(
                Said("decisions not deleted", {"problem": trouble(failure), "mend": mend}, "error")
            )
        gone = self._recording.expire(now_ns) if swept.believed else ()
        if gone:
            self.said.append(Said("deleted", {"kind": "findings", "count": len(gone)}))

    def _requests(self, now_ns: int) -> None:
        """Do what operators ask for, answer them, and say so."""
        refused = Counter[str]()
        for request in take(self._state, MAX_REQUESTS, refused):
            said = act(self._recording, self._filing, request, now_ns)
            answer(self._state, request, said)
            fields = {"by": request.action.by, "finding": request.action.finding, "status": said.status}
            self.said.append(Said("operator", {"action": action_name(request.action), **fields}))
        if refused:
            mend = "see who may write in the state folder: they are no requests, and were removed"
            self.said.append(Said("files removed", {"reasons": dict(refused), "mend": mend}, "error"))


def _sinks(state: Path, names: Sequence[str], now_ns: int) -> Iterator[SinkState]:
    """Yield how the sinks of the configuration fare; those that were never served have nothing to say."""
    try:
        figures = {each.sink: each for each in lane_states(state)}
    except InputError:  # the courier's file, which is its own affair
        figures = {}
    for name in names:
        found = figures.get(name)
        if found is None:
            yield SinkState(name)
            continue
        since_ns = found.oldest_ns
        oldest = max(now_ns - since_ns, 0) / SECOND_NS if since_ns is not None else 0.0
        yield SinkState(name, found.waiting or 0, oldest, found.dead, found.state.attempts > 0)
