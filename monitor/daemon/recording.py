"""The end of the straight line: decisions to the ledger, to findings, to the outbox, in this order.

Evidence comes first. What the ledger took and the outbox did not is owed, and nothing more is taken until it
is paid; should the process die in between, `monitor.daemon.catching_up` finds it in the ledger.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from monitor.daemon.backlog import Item
from monitor.daemon.records import Filing
from monitor.events.limits import limits_of
from monitor.events.types import Basis, Event, FindingEvent
from monitor.findings import Book
from monitor.findings.types import Change, Finding
from monitor.ledger.tenants import Ledgers
from monitor.ledger.types import Record
from monitor.outbox.store import Outbox
from monitor.policy import Policy
from monitor.types import Decision

LAZY_NS = 5_000_000_000  # that figures of findings may be behind on the disk: the ledger has them
MAX_EXCEPTIONS = 65_536  # uses of exceptions that are remembered, by exception and day

Tenant = str | None


class Standing(Struct, frozen=True):
    """What is judged by: whose ledgers there are, what they have to say of it, what events rest on."""

    basis: Basis
    tenants: tuple[Tenant, ...] = (None,)
    notes: tuple[Record, ...] = ()


class Took(Struct, frozen=True):
    """What became of items: those that are ``left``, and why a ledger did not take them."""

    left: tuple[Item, ...] = ()
    error: OSError | None = None


class Recording:
    """Records, on one thread. ``changed`` gathers what findings did."""

    def __init__(self, ledgers: Ledgers, outbox: Outbox, book: Book, filing: Filing) -> None:
        self.changed: list[Change] = []
        self.signed_ns = 0  # when a ledger's checkpoint was signed last
        self.book = book
        self.ledgers = ledgers
        self.outbox = outbox
        self._filing = filing
        self._standing = Standing(Basis("", ""))
        self._unsaid = False  # of what is in use now, in the ledgers
        self._exceptions: set[tuple[Tenant, str, str]] = set()
        self._records: dict[Tenant, list[Record]] = {}  # owed to the ledgers
        self._events: list[Event] = []  # owed to the outbox, with these:
        self._changes: list[Change] = []
        self._touched: dict[str, Finding] = {}
        self._committed_ns = self._forgotten = 0

    def use(self, standing: Standing, policy: Policy | None) -> None:
        """Have findings judged by this policy, and every ledger say what is in use now."""
        self._standing = standing
        self._unsaid = True
        self.book.reload(policy)
        self._exceptions.clear()

    def record(self, items: Sequence[Item], now_ns: int) -> Took:
        """Take items, each tenant's into its ledger; then group those that are decisions."""
        by_tenant: dict[Tenant, list[Item]] = {}
        for item in items:
            if not item.everywhere:
                by_tenant.setdefault(item.tenant, []).append(item)
        left: list[Item] = []
        failures = self._append_everywhere([item.record for item in items if item.everywhere])
        self.signed_ns = now_ns if items else self.signed_ns
        for tenant, group in by_tenant.items():
            try:
                self._append(tenant, group, now_ns)
            except OSError as error:
                failures.append(error)
                left += group
            else:
                self._group(group, now_ns)
        return Took(tuple(left), failures[0] if failures else None)

    def owe(self, changes: Iterable[Change], now_ns: int) -> None:
        """Note changes of findings that have to become durable."""
        for change in changes:
            self.owe_record(change.finding.subject.tenant, self._filing.change(change, now_ns))
            self.owe_event(change)

    def owe_record(self, tenant: Tenant, record: Record) -> None:
        """Note a record that has to become durable."""
        self._records.setdefault(tenant, []).append(record)

    @property
    def owes_ledgers(self) -> bool:
        """Whether something is in no ledger yet."""
        return bool(self._records)

    def owe_event(self, change: Change) -> None:
        """Note a change that stands in its ledger, and has to come into the outbox."""
        basis = replace(self._standing.basis, limits=limits_of(change.finding))
        self._changes.append(change)
        self._events.append(FindingEvent(change.key, change.at_ns, change, basis))

    def tell(self, event: Event) -> None:
        """Note an event that is about no finding."""
        self._events.append(event)

    def settle(self, now_ns: int, position: Mapping[str, int] | None = None) -> None:
        """Make durable all that is owed. Raises OSError or OutboxError: call it again then.

        ``position`` is how much of each ledger the outbox then knows, by default all of it.
        """
        for tenant in list(self._records):
            self.ledgers.append(tenant, self._records[tenant])
            del self._records[tenant]
            self.signed_ns = now_ns
        self._touched |= {finding.id: finding for finding in self.book.take_touched()}
        is_due = self._touched and not 0 <= now_ns - self._committed_ns < LAZY_NS
        if not (self._events or is_due):
            return
        self.outbox.commit(self._touched.values(), self._events, position or self.position())
        self._committed_ns = now_ns
        if self.book.forgotten > self._forgotten:
            self.outbox.keep_only(finding.id for finding in self.book.findings())
            self._forgotten = self.book.forgotten
        self.changed += self._changes
        self._events, self._changes, self._touched = [], [], {}

    def finish(self, now_ns: int) -> None:
        """Make durable what may be behind while it goes on, too. Raises OSError or OutboxError."""
        self._committed_ns = 0
        self.settle(now_ns)

    def begin(self) -> None:
        """Have every tenant's ledger made, and what is in use now said in it. Raises OSError, InputError."""
        if not self._unsaid:
            return
        for tenant in self._standing.tenants:
            self.ledgers.of(tenant)
        self._unsaid = False
        failures = self._append_everywhere(self._standing.notes)
        if failures:
            raise failures[0]  # those ledgers are owed it

    def close(self) -> None:
        """Let all files go."""
        self.ledgers.close()
        self.outbox.close()

    def position(self) -> dict[str, int]:
        """Return how much of each ledger the outbox knows, once nothing is owed."""
        return {writer.folder.name: writer.size for writer in self.ledgers.all()}

    def _append_everywhere(self, records: Sequence[Record]) -> list[OSError]:
        if not records:
            return []
        return self.ledgers.append_everywhere(records)

    def _append(self, tenant: Tenant, items: Sequence[Item], now_ns: int) -> None:
        used = self._exceptions_used(items)
        policy = self._standing.basis.policy
        excused = [self._filing.exception_used(each, policy, now_ns) for each in used.values()]
        records = [*(item.record for item in items), *excused]
        self.ledgers.append(tenant, records)
        if len(self._exceptions) + len(used) > MAX_EXCEPTIONS:
            self._exceptions.clear()  # and some are said twice
        self._exceptions |= used.keys()

    def _group(self, items: Sequence[Item], now_ns: int) -> None:
        for item in items:
            if item.decision is not None:
                self.owe(self.book.offer(item.decision), now_ns)

    def _exceptions_used(self, items: Sequence[Item]) -> dict[tuple[Tenant, str, str], Decision]:
        """Return the first decision of each exception that was not used on that day yet."""
        used: dict[tuple[Tenant, str, str], Decision] = {}
        for item in items:
            decision = item.decision
            if decision is not None and decision.exception is not None:
                key = item.tenant, decision.exception, item.record.day
                if key not in self._exceptions:
                    used.setdefault(key, decision)
        return used
