"""The thread that records: what the loop hands over becomes durable here, and nothing here stops the loop.

What the disk does not take waits, bounded, and is tried again once a second. A killed process loses what was
handed over in its last moments, and nothing that a ledger took.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial

from monitor.behaviours import Behaviour
from monitor.daemon.backlog import Item
from monitor.daemon.catching_up import CatchingUp
from monitor.daemon.chores import Chores, Said
from monitor.daemon.intake import Intake
from monitor.daemon.recording import Recording, Standing
from monitor.daemon.records import Filing
from monitor.daemon.standing import FindingCounts, Keeping
from monitor.daemon.troubles import trouble
from monitor.files import InputError
from monitor.ledger.types import RecordKind
from monitor.metrics.recorded import Recorded
from monitor.outbox.schema import OutboxError
from monitor.policy import Policy
from monitor.types import Decision, Owner
from monitor.windows import Window
from sensors.observations import Gap

BATCH_BYTES = 4_194_304
PAUSE_SECONDS = 1.0
LATE_SECONDS = 0.5  # that an end waits for a disk which answers late
MAX_TASKS = 4_096  # behaviours and changes of policy that wait for the thread

Task = Callable[[int], None]


class Recorder:
    """Takes from the loop, without waiting. ``look`` says how it goes."""

    def __init__(self, recording: Recording, catching_up: CatchingUp, chores: Chores, filing: Filing) -> None:
        self._recording = recording
        self._catching_up: CatchingUp | None = catching_up
        self._chores = chores
        self._filing = filing
        self._intake = Intake()
        self._tasks: deque[Task] = deque(maxlen=MAX_TASKS)
        self._counts = FindingCounts()
        self._recorded = Recorded()
        self._problem: str | None = None
        self._deadline: float | None = None
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def use(self, standing: Standing, policy: Policy | None) -> None:
        """Say in every ledger what is judged by from now on."""
        self._tasks.append(lambda _: self._recording.use(standing, policy))
        self._intake.wake()

    def decided(self, decision: Decision, owner: Owner | None, now_ns: int) -> None:
        """Take a decision; ``owner`` is the process whose connection it is, where that is known."""
        record = self._filing.decision(decision, owner, now_ns)
        self._intake.put(Item(record, decision.connection.subject.tenant, decision=decision))

    def behave(self, behaviours: Iterable[Behaviour]) -> None:
        """Take behaviours."""
        for each in behaviours:
            self._tasks.append(partial(self._behave, each))

    def window(self, window: Window, now_ns: int) -> None:
        """Take a statement of how much could be seen."""
        self._intake.put(Item(self._filing.window(window, now_ns), everywhere=True))

    def gap(self, gap: Gap, now_ns: int) -> None:
        """Take what could not be observed."""
        self._intake.put(Item(self._filing.gap(gap, now_ns), everywhere=True))

    def note(self, kind: RecordKind, value: object, now_ns: int) -> None:
        """Take what was loaded or done."""
        self._intake.put(Item(self._filing.note(kind, value, now_ns), everywhere=True))

    def drain(self, seconds: float) -> None:
        """Wait until all that was handed over is recorded, for so long at the most."""
        self._intake.drain(seconds)

    def look(self) -> Keeping:
        """Return what waits, and why."""
        found = self._intake.look()
        return Keeping(found.waiting, found.shed, self._problem)

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

    def _behave(self, behaviour: Behaviour, now_ns: int) -> None:
        self._recording.owe(self._recording.book.behave(behaviour), now_ns)

    def _run(self) -> None:
        while not self._is_over():
            if not self._does(self._turn):
                break  # what the disk does not take now stays unrecorded, and is said
            self._tell()
        else:
            if self._catching_up is None:
                self._does(self._recording.finish)
        self._tell()

    def _does(self, work: Task) -> bool:
        """Do something, and pause where the disk does not take it; return whether to go on."""
        try:
            work(time.time_ns())
        except (OSError, OutboxError, InputError) as error:
            self._problem = trouble(error)
            if self._deadline is not None:
                return False
            self._intake.pause(PAUSE_SECONDS)
        else:
            self._problem = None
        return True

    def _is_over(self) -> bool:
        """Say whether the end was asked for, and nothing waits, or there is no more time."""
        if self._deadline is None:
            return False
        return not self._intake.look().waiting or time.monotonic() > self._deadline

    def _turn(self, now_ns: int) -> None:
        """Pay what is owed, do what else there is to do, take the next items."""
        if self._catching_up is not None:
            self._catch_up(self._catching_up)
        self._recording.settle(now_ns)
        self._recording.begin()
        while self._tasks:
            self._tasks.popleft()(now_ns)
        self._chores.turn(now_ns)
        self._recording.settle(now_ns)
        took = self._recording.record(self._intake.take(BATCH_BYTES, PAUSE_SECONDS), time.time_ns())
        try:
            self._recording.settle(time.time_ns())
        finally:
            self._intake.put_back(took.left)
        if took.error is not None:
            raise took.error

    def _catch_up(self, catching_up: CatchingUp) -> None:
        catching_up.run()
        self._catching_up = None
        self._counts.changed((), self._recording.book.findings())
        if catching_up.entries:
            self._chores.said.append(Said("caught up with the ledger", {"entries": catching_up.entries}))

    def _tell(self) -> None:
        """Say what is durable by now."""
        recording = self._recording
        changes, recording.changed = recording.changed, []
        if changes:
            self._counts.changed(changes, recording.book.findings())
        counts = self._counts
        self._recorded = Recorded(
            findings=counts.states,
            changes=counts.changes,
            deadlines=counts.deadlines,
            entries=dict(recording.ledgers.appended.items()),
            checkpoint_ns=recording.signed_ns,
            folded=recording.outbox.counters().folded,
            sinks=self._chores.sinks,
        )
