"""Recording, turn by turn: what is owed, what is due, then what came. Whoever turns has the clock.

What one disk or ledger does not take stops nothing else; it is tried again in the next turn.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from msgspec import Struct

from monitor.behaviours import Behaviour
from monitor.files import InputError
from monitor.metrics.recorded import Recorded
from monitor.outbox.schema import OutboxError
from monitor.policy import Policy
from monitor.recording.catching_up import CatchingUp
from monitor.recording.chores import Chores, Said
from monitor.recording.core import Recording, Standing
from monitor.recording.counting import FindingCounts
from monitor.recording.items import Item
from monitor.recording.troubles import Trouble

MAX_UNTOLD = 4_096  # events that the outbox did not take, until the ledgers have to wait, too


class Ready(Struct, frozen=True):
    """What hinders now, and whether items may be taken all the same."""

    troubles: tuple[Trouble, ...] = ()
    may_take: bool = True


class Taken(Struct, frozen=True):
    """What was not taken of items and behaviours, and what hindered."""

    left: tuple[Item, ...] = ()
    behaviours: tuple[Behaviour, ...] = ()
    troubles: tuple[Trouble, ...] = ()


class Turns:
    """Turns a recording, once it has caught up with its ledgers. Used by one thread."""

    def __init__(self, recording: Recording, catching_up: CatchingUp, chores: Chores) -> None:
        self._recording = recording
        self._catching_up: CatchingUp | None = catching_up
        self._chores = chores
        self._uses: list[tuple[Standing, Policy | None]] = []
        self._counts = FindingCounts()
        self._counts.changed((), recording.book.findings())
        self._gone = 0

    @property
    def is_caught_up(self) -> bool:
        """Whether the findings know all that the ledgers held at the start."""
        return self._catching_up is None

    def ready(self, now_ns: int, uses: Iterable[tuple[Standing, Policy | None]] = ()) -> Ready:
        """Pay what is owed, and do what else there is to do; begin with what is judged by from now on."""
        recording = self._recording
        self._uses += uses
        behind = tried(self._catch_up)
        if isinstance(behind, OutboxError):
            return Ready((behind,), may_take=False)
        while self._uses:
            recording.use(*self._uses.pop(0))
        steps = recording.settle, recording.begin, self._chores.turn, recording.settle
        troubles = [error for step in steps if (error := tried(partial(step, now_ns)))]
        troubles += [behind] if behind else []
        return Ready(tuple(troubles), recording.untold <= MAX_UNTOLD)

    def take(self, items: Sequence[Item], behaviours: Iterable[Behaviour], now_ns: int) -> Taken:
        """Record items, and behaviours that came before them."""
        recording = self._recording
        left: list[Behaviour] = []
        for each in behaviours:
            if each.subject.tenant not in recording.behind:
                recording.owe(recording.book.behave(each), now_ns)
            else:
                left.append(each)
        took = recording.record(items, now_ns)
        error = tried(partial(recording.settle, now_ns))
        return Taken(took.left, tuple(left), tuple(each for each in (took.error, error) if each is not None))

    def finish(self, now_ns: int) -> Trouble | None:
        """Make durable what may be behind while it goes on."""
        return tried(partial(self._recording.finish, now_ns)) if self.is_caught_up else None

    def recorded(self) -> Recorded:
        """Return what is durable by now."""
        recording, counts = self._recording, self._counts
        changes, recording.changed = recording.changed, []
        if changes or recording.gone > self._gone:
            self._gone = recording.gone
            counts.changed(changes, recording.book.findings())
        return Recorded(
            findings=counts.states,
            changes=counts.changes,
            deadlines=counts.deadlines,
            entries={**recording.ledgers.appended},
            checkpoint_ns=recording.signed_ns,
            folded=recording.outbox.counters().folded,
            sinks=self._chores.sinks,
        )

    def _catch_up(self) -> None:
        catching_up = self._catching_up
        if catching_up is None:
            return
        catching_up.run()
        self._catching_up = None
        self._counts.changed((), self._recording.book.findings())
        for ledger, entries, known in catching_up.short:
            mend = "restore it from a backup, or compare it with the last checkpoint that was told"
            fields = {"ledger": ledger, "entries": entries, "known": known, "mend": mend}
            self._chores.said.append(Said("ledger lost entries", fields, "error"))
        if catching_up.entries:
            self._chores.said.append(Said("caught up with the ledger", {"entries": catching_up.entries}))


def tried(step: Callable[[], None]) -> Trouble | None:
    """Do it; return what keeps it from being done now."""
    try:
        step()
    except (OSError, OutboxError, InputError) as error:
        return error
    return None
