"""One partition of decisions, recorded by this process alone: what is taken is durable, and taken once.

Nothing is shed: what a disk does not take waits here, and whoever reads the partition waits with it.
"""

from collections.abc import Iterator, Sequence

from monitor.app import Knowledge
from monitor.behaviours import Behaviour
from monitor.files import InputError
from monitor.fleet.parcels import Judged, Said
from monitor.fleet.recording.plan import Plan, behaviours_of
from monitor.fleet.recording.recalling import recall
from monitor.fleet.tenants import partition_of
from monitor.metrics.fleet import Kept
from monitor.policy import Policy
from monitor.recording.chores import Chores
from monitor.recording.chores import Said as Line
from monitor.recording.core import Standing, Tenant
from monitor.recording.items import Item
from monitor.recording.opening import open_recording, standing_at, tenants_of
from monitor.recording.troubles import Trouble
from monitor.recording.turns import Turns

MAX_LEFT = 10_000  # records that may wait for a ledger while others are taken


class Partition:
    """A partition's folder, open. ``offset`` is behind which message of Kafka's all is durable, if any."""

    def __init__(self, plan: Plan, number: int, of: int, knowledge: Knowledge, now_ns: int) -> None:
        """Open it, one ``of`` so many. Raises InputError where it cannot be used, or another process does."""
        place = plan.place(number)
        self.number = number
        self.counts = Kept()
        self.offset: int | None = None
        self._plan, self._of = plan, of
        standing = self._standing(knowledge, now_ns)
        opened = open_recording(place, standing, knowledge.policy, now_ns)
        self.note = opened.note
        self._recording, self._filing = opened.recording, opened.filing
        self._chores = Chores(opened.recording, opened.filing, place.state, plan.sinks)
        self.turns = Turns(opened.recording, opened.catching_up, self._chores)
        self._uses: list[tuple[Standing, Policy | None]] = []
        self._pending: dict[str, Behaviour] = {}
        self._came: tuple[Item, ...] = ()  # and was not tried yet
        self._left: tuple[Item, ...] = ()  # tried, and waits for a ledger
        self._end: int | None = None  # behind the last message that was taken
        self._look_for(knowledge)

    @property
    def may_take(self) -> bool:
        """Whether messages may come: it knows what it has, has tried what came, and not too much waits.

        A ledger that takes nothing holds the others up only when much waits for it.
        """
        is_ready = self.turns.is_caught_up and not (self._must_recall or self._came)
        return is_ready and len(self._left) < MAX_LEFT

    @property
    def waiting(self) -> int:
        """How many records wait for a ledger."""
        return len(self._came) + len(self._left)

    def use(self, knowledge: Knowledge, now_ns: int) -> None:
        """Judge findings by this from now on, and say so in the ledgers."""
        self._uses.append((self._standing(knowledge, now_ns), knowledge.policy))
        self._look_for(knowledge)

    def take(self, messages: Sequence[Said], end: int, now_ns: int) -> None:
        """Take what stands in the partition up to an offset, when it may."""
        items = [item for each in messages for item in self._items(each, now_ns)]
        fresh = self._recording.origins.fresh(items)
        self.counts.again += len(items) - len(fresh)
        self.counts.taken += len(fresh)
        for each in fresh:
            if each.decision is not None and not each.decision.is_open:
                self._behave(self._behaviours.offer(each.decision))
        self._came += tuple(fresh)
        self._end = end

    def turn(self, now_ns: int) -> tuple[Trouble, ...]:
        """Record what was taken, and do what else there is to do; return what hinders that."""
        uses, self._uses = self._uses, []
        ready = self.turns.ready(now_ns, uses)
        if not (ready.may_take and self.turns.is_caught_up):
            return ready.troubles
        pending, self._pending = self._pending, {}
        taken = self.turns.take(self._left + self._came, pending.values(), now_ns)
        self._came, self._left = (), taken.left
        self._behave(taken.behaviours)
        troubles = *ready.troubles, *taken.troubles
        if self._must_recall and not self._left:
            troubles = *troubles, *self._recall()
        if not (self._left or self._pending or self._recording.owed or self._recording.untold):
            self.offset = self._end
        return troubles

    def said(self) -> list[Line]:
        """Return lines for the log, each once."""
        said = self._chores.said
        return [said.popleft() for _ in range(len(said))]

    def finish(self, now_ns: int) -> Trouble | None:
        """Make durable what may be behind; it is as good as read back."""
        return self.turns.finish(now_ns)

    def close(self) -> None:
        """Let the folder go."""
        self._recording.close()

    def _look_for(self, knowledge: Knowledge) -> None:
        """Look for what a policy asks for, from the decisions on that the ledgers hold."""
        self._knowledge = knowledge
        policy, catalog = knowledge.policy, knowledge.catalog
        self._behaviours = behaviours_of(policy, catalog, pseudonyms=self._plan.pseudonyms)
        self._must_recall = self._behaviours.asked

    def _recall(self) -> tuple[Trouble, ...]:
        try:
            self._behave(recall(self._recording.ledgers, self._behaviours))
        except InputError as error:
            self._look_for(self._knowledge)  # and forget what was read by now
            return (error,)
        self._must_recall = False
        return ()

    def _standing(self, knowledge: Knowledge, now_ns: int) -> Standing:
        return standing_at(self._plan.place(self.number), knowledge, tuple(self._tenants(knowledge)), now_ns)

    def _tenants(self, knowledge: Knowledge) -> Iterator[Tenant]:
        """Yield whose decisions come here, as far as the policy knows."""
        for tenant in tenants_of(knowledge.policy):
            if partition_of(tenant, self._of) == self.number:
                yield tenant

    def _items(self, said: Said, now_ns: int) -> Iterator[Item]:
        """Yield what is to be recorded. What could be seen stands in each ledger."""
        if isinstance(said, Judged):
            record = self._filing.relayed(said.decision, said.origin, now_ns)
            tenant = said.decision.connection.subject.tenant
            yield Item(record, tenant, decision=said.decision, origin=said.origin)
            return
        record = self._filing.window(said.window, now_ns, said.origin)
        for tenant in self._recording.ledgers.tenants():
            yield Item(record, tenant, origin=said.origin)

    def _behave(self, behaviours: Sequence[Behaviour]) -> None:
        """Keep behaviours for the next turn; each stands as it is, so the last of it is enough."""
        self._pending |= {each.id: each for each in behaviours}
