"""The thread that records: what the loop hands over becomes durable here, and nothing here stops the loop.

What the disk does not take waits, bounded, and is tried again once a second. A killed process loses what was
handed over in its last moments, and nothing that a ledger took. Should the thread end by a mistake in the
program, `look` says so, for the daemon to end: nothing more would be recorded.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import count
from operator import attrgetter

from monitor.behaviours import Behaviour
from monitor.daemon.intake import Intake
from monitor.daemon.standing import Keeping
from monitor.ledger.types import PayloadClass, RecordKind
from monitor.metrics.recorded import Recorded
from monitor.policy import Policy
from monitor.recording.catching_up import CatchingUp
from monitor.recording.chores import Chores, Said
from monitor.recording.core import Recording, Standing, Tenant
from monitor.recording.items import Item
from monitor.recording.records import Filing
from monitor.recording.troubles import Trouble, trouble
from monitor.recording.turns import Turns
from monitor.types import Decision, Owner
from monitor.windows import Window
from sensors.observations import Gap

BATCH_BYTES = 4_194_304
PAUSE_SECONDS = 1.0
LATE_SECONDS = 0.5  # that an end waits for a disk which answers late
MAX_BEHAVIOURS = 4_096  # that wait for the thread; each stands as it is, so the last of it is enough


class Recorder:
    """Takes from the loop, without waiting. ``look`` says how it goes."""

    def __init__(self, recording: Recording, catching_up: CatchingUp, chores: Chores, filing: Filing) -> None:
        self._recording = recording
        self._turns = Turns(recording, catching_up, chores)
        self._chores = chores
        self._filing = filing
        self._intake = Intake()
        self._order = count(1)
        self._uses: deque[tuple[Standing, Policy | None]] = deque()
        self._lock = threading.Lock()  # of these two
        self._behaviours: dict[str, Behaviour] = {}
        self._shed = 0
        self._failing: frozenset[Tenant] = frozenset()  # whose ledgers took nothing last
        self._given_up: dict[PayloadClass, int] = {}
        self._owed = 0  # to ledgers that did not take what goes to all
        self._recorded = self._turns.recorded()
        self._problem: str | None = None
        self._deadline: float | None = None
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def use(self, standing: Standing, policy: Policy | None) -> None:
        """Say in every ledger what is judged by from now on."""
        self._uses.append((standing, policy))
        self._intake.wake()

    def decided(self, decision: Decision, owner: Owner | None, now_ns: int) -> None:
        """Take a decision; ``owner`` is the process whose connection it is, where that is known."""
        record = self._filing.decision(decision, owner, now_ns)
        tenant, order = decision.connection.subject.tenant, next(self._order)
        self._intake.put(Item(record, tenant, decision=decision, order=order))

    def behave(self, behaviours: Iterable[Behaviour]) -> None:
        """Take behaviours."""
        with self._lock:
            for each in behaviours:
                if each.id in self._behaviours or len(self._behaviours) < MAX_BEHAVIOURS:
                    self._behaviours[each.id] = each
                else:
                    self._shed += 1

    def window(self, window: Window, now_ns: int) -> None:
        """Take a statement of how much could be seen."""
        self._intake.put(Item(self._filing.window(window, now_ns), everywhere=True))

    def gap(self, gap: Gap, now_ns: int) -> None:
        """Take what could not be observed."""
        self._intake.put(Item(self._filing.gap(gap, now_ns), everywhere=True))

    def note(self, kind: RecordKind, value: object, now_ns: int) -> None:
        """Take what was loaded or done."""
        self._intake.put(Item(self._filing.note(kind, value, now_ns), everywhere=True))

    def drain(self, seconds: float) -> bool:
        """Wait until all that was handed over is recorded, for so long at the most; tell whether it is."""
        return self._intake.drain(seconds)

    def look(self) -> Keeping:
        """Return what waits, and why."""
        found = self._intake.look()
        shed = Counter(found.shed)
        shed.update(self._given_up)
        shed["violation"] += self._shed
        has_ended = self._thread.ident is not None and not self._thread.is_alive() and self._deadline is None
        return Keeping(found.waiting, dict(+shed), self._problem, found.in_hand + self._owed, has_ended)

    def recorded(self) -> Recorded:
        """Return what is durable."""
        return self._recorded

    def said(self) -> list[Said]:
        """Return lines for the log, each once."""
        said = self._chores.said
        return [said.popleft() for _ in range(len(said))]

    def close(self, seconds: float) -> None:
        """Record what waits, for so long at the most, and end."""
        self._deadline = time.monotonic() + seconds
        self._intake.close()
        if self._thread.ident is not None:
            self._thread.join(seconds + LATE_SECONDS)

    def release(self) -> None:
        """Let go of all files, unless the thread hangs in one of them: the system does it then."""
        if not self._thread.is_alive():
            self._recording.close()

    def _run(self) -> None:
        while not self._is_over():
            before = self._waiting()
            error = self._turn(time.time_ns())
            self._problem = trouble(error) if error is not None else None
            self._tell()
            if error is not None:
                if self._deadline is not None and self._waiting() >= before:
                    break  # what the disk does not take now stays unrecorded, and is said
                self._intake.pause(PAUSE_SECONDS)
        else:
            self._turns.finish(time.time_ns())
        self._tell()

    def _waiting(self) -> int:
        """Return how much there is to do."""
        found = self._intake.look()
        return sum(found.waiting.values()) + found.in_hand + len(self._behaviours) + self._recording.untold

    def _is_over(self) -> bool:
        """Say whether the end was asked for, and nothing waits, or there is no more time."""
        if self._deadline is None:
            return False
        return not self._waiting() or time.monotonic() > self._deadline

    def _turn(self, now_ns: int) -> Trouble | None:
        """Take the next items, where they can be taken. Returns what went wrong first."""
        ready = self._turns.ready(now_ns, self._take_uses())
        if ready.may_take:
            pause_seconds = 0.0 if ready.troubles else PAUSE_SECONDS
            items = self._intake.take(BATCH_BYTES, pause_seconds, self._failing)
            items.sort(key=attrgetter("order"))  # a verdict comes ahead of its connection's end
            taken = self._turns.take(items, self._take_behaviours(), time.time_ns())
            self._failing = frozenset(item.tenant for item in taken.left)
            self._put_back(taken.behaviours)
            self._intake.put_back(taken.left, self._recording.owed)
            return next(iter((*ready.troubles, *taken.troubles)), None)
        return next(iter(ready.troubles), None)

    def _take_uses(self) -> Iterator[tuple[Standing, Policy | None]]:
        while self._uses:
            yield self._uses.popleft()

    def _take_behaviours(self) -> list[Behaviour]:
        with self._lock:
            behaviours, self._behaviours = self._behaviours, {}
        return list(behaviours.values())

    def _put_back(self, behaviours: Iterable[Behaviour]) -> None:
        """Keep behaviours that could not be taken, unless newer ones came."""
        with self._lock:
            for each in behaviours:
                self._behaviours.setdefault(each.id, each)

    def _tell(self) -> None:
        """Say what is durable by now."""
        ledgers = self._recording.ledgers
        self._recorded = self._turns.recorded()
        self._given_up, self._owed = dict(ledgers.unwritten), ledgers.owing
