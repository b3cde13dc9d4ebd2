"""The end of the straight line: decisions to the ledger, to findings, to the outbox, in this order.

Evidence comes first: what a finding did is told once its ledger has it. A ledger that takes nothing stops its
own tenant's line and no other. Should the process die, `monitor.recording.catching_up` finds in the ledgers
what the outbox does not know.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from msgspec import Struct
from msgspec.structs import replace

from monitor.events.limits import limits_of
from monitor.events.types import Basis, Event, FindingEvent
from monitor.files import InputError
from monitor.findings import Book
from monitor.findings.types import Change, Finding
from monitor.ledger.failures import LedgerUnusableError
from monitor.ledger.names import tenant_folder
from monitor.ledger.tenants import Ledgers
from monitor.ledger.types import Record
from monitor.outbox.store import Outbox
from monitor.policy import Policy
from monitor.recording.items import Item
from monitor.recording.origins import Mark, Origins
from monitor.recording.records import Filing
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
    """Records, on one thread. ``changed`` gathers what findings did, once that is durable.

    ``gone`` counts findings that retention ended.
    """

    def __init__(self, ledgers: Ledgers, outbox: Outbox, book: Book, filing: Filing) -> None:
        """Take what was opened. Raises OutboxError."""
        self.origins = Origins(map(Mark._make, outbox.marks()))
        self.changed: list[Change] = []
        self.signed_ns = 0  # when a ledger's checkpoint was signed last
        self.behind: set[Tenant] = set()  # whose ledgers hold what the book does not know yet
        self.book = book
        self.ledgers = ledgers
        self.outbox = outbox
        self._filing = filing
        self._standing = Standing(Basis("", ""))
        self._unmade: list[Tenant] = []  # whose ledgers have yet to be there
        self._unsaid = False  # of what is in use now, in the ledgers
        self._exceptions: set[tuple[Tenant, str, str]] = set()
        self._records: dict[Tenant, list[Record]] = {}  # owed to the ledgers
        self._events: list[Event] = []  # owed to the outbox, with these:
        self._touched: dict[str, Finding] = {}
        self._committed_ns = self._forgotten = 0
        self.gone = 0
        self._must_sweep = False

    def use(self, standing: Standing, policy: Policy | None) -> None:
        """Have findings judged by this policy, and every ledger say what is in use now."""
        self._standing = standing
        self._unsaid = True
        self._unmade = list(standing.tenants)
        self.book.reload(policy)
        self._exceptions.clear()

    def record(self, items: Sequence[Item], now_ns: int) -> Took:
        """Take items, each tenant's into its ledger; then group those that are decisions."""
        by_tenant: dict[Tenant, list[Item]] = {}
        for item in items:
            if not item.everywhere:
                by_tenant.setdefault(item.tenant, []).append(item)
        left: list[Item] = []
        failures = self._append_everywhere([item.record for item in items if item.everywhere], now_ns)
        for tenant, group in by_tenant.items():
            if tenant in self._records or tenant in self.behind:  # why is said where that is tried
                left += group
                continue
            fresh = self.origins.fresh(group)  # what comes of a fleet may come again
            try:
                self._append(tenant, fresh, now_ns)
            except OSError as error:
                failures.append(error)
                left += fresh
            else:
                self._group(fresh, now_ns)
        return Took(tuple(left), failures[0] if failures else None)

    def owe(self, changes: Iterable[Change], now_ns: int) -> None:
        """Note changes of findings that have to become durable."""
        for change in changes:
            self.owe_record(change.finding.subject.tenant, self._filing.change(change, now_ns))
            self.owe_event(change)

    def owe_record(self, tenant: Tenant, record: Record) -> None:
        """Note a record that has to become durable."""
        self._records.setdefault(tenant, []).append(record)

    def expire(self, now_ns: int) -> tuple[Finding, ...]:
        """Let closed findings go that were kept long enough, and owe their ledgers that; return them."""
        gone = self.book.expire(now_ns, self._filing.kept_days)
        for finding in gone:
            self.owe_record(finding.subject.tenant, self._filing.expired(finding, now_ns))
        self.sweep(finding.id for finding in gone)
        return gone

    def sweep(self, gone: Iterable[str]) -> None:
        """Have findings that went from the book go from the outbox, too."""
        for id_ in gone:
            self._touched.pop(id_, None)
            self._must_sweep = True
            self.gone += 1

    @property
    def owed(self) -> int:
        """How many records of findings and operators are in no ledger yet."""
        return sum(map(len, self._records.values()))

    @property
    def untold(self) -> int:
        """How many events are not in the outbox yet."""
        return len(self._events)

    def is_settled(self, tenant: Tenant) -> bool:
        """Tell whether all that became of a tenant's findings is durable."""
        return tenant not in self._records and all(tenant_of(each) != tenant for each in self._events)

    def owe_event(self, change: Change) -> None:
        """Note a change that stands in its ledger, and has to come into the outbox."""
        basis = replace(self._standing.basis, limits=limits_of(change.finding))
        self._events.append(FindingEvent(change.key, change.at_ns, change, basis))

    def tell(self, event: Event) -> None:
        """Note an event that is about no finding."""
        self._events.append(event)

    def settle(self, now_ns: int, position: Mapping[str, int] | None = None) -> None:
        """Make durable all that is owed, as far as it goes. Raises OSError, OutboxError: call it again.

        ``position`` is how much of each ledger the outbox then knows, by default all of it.
        """
        failures = self._pay(now_ns)
        self._tell_outbox(now_ns, self._records.keys() | self.behind, position or self.position())
        if failures:
            raise failures[0]

    def finish(self, now_ns: int) -> None:
        """Make durable what may be behind while it goes on, too. Raises OSError or OutboxError."""
        self._committed_ns = 0
        self.settle(now_ns)

    def begin(self, now_ns: int) -> None:
        """Have every tenant's ledger made, and say in it what is in use. Raises OSError: call it again."""
        failures: list[OSError] = []
        for tenant in list(self._unmade):
            try:
                self.ledgers.of(tenant)
            except InputError as error:
                failures.append(LedgerUnusableError(error))
            else:
                self._unmade.remove(tenant)
        if self._unsaid:
            self._unsaid = False
            failures += self._append_everywhere(self._standing.notes, now_ns)
        if failures:
            raise failures[0]  # those ledgers are owed it

    def close(self) -> None:
        """Let all files go."""
        self.ledgers.close()
        self.outbox.close()

    def position(self) -> dict[str, int]:
        """Return how much of each ledger the outbox knows, once nothing is owed."""
        return {tenant_folder(tenant): size for tenant, size in self.ledgers.sizes.items()}

    def _pay(self, now_ns: int) -> list[OSError]:
        """Have the ledgers take what they are owed; return why some do not."""
        failures = self.ledgers.pay()
        for tenant in list(self._records):
            try:
                self.ledgers.append(tenant, self._records[tenant])
            except OSError as error:
                failures.append(error)
            else:
                del self._records[tenant]
                self.signed_ns = now_ns
        return failures

    def _tell_outbox(self, now_ns: int, unpaid: AbstractSet[Tenant], position: Mapping[str, int]) -> None:
        """Have the outbox take what the ledgers have; nothing of tenants whose ledger lacks some of it."""
        self._touched |= {finding.id: finding for finding in self.book.take_touched()}
        touched = [each for each in self._touched.values() if each.subject.tenant not in unpaid]
        told = [each for each in self._events if tenant_of(each) not in unpaid]
        behind = {tenant_folder(tenant) for tenant in unpaid}
        known = {name: size for name, size in position.items() if name not in behind}
        is_late = not 0 <= now_ns - self._committed_ns < LAZY_NS
        is_due = is_late and (touched or self.origins.has_news(known))
        must_sweep = self._must_sweep and not unpaid  # the ledgers have to know it first
        if not (told or is_due or must_sweep):
            return
        self.outbox.commit(touched, told, known, self.origins.news(known))
        self.origins.settle(known)
        self._committed_ns = now_ns
        self.changed += [each.change for each in told if isinstance(each, FindingEvent)]
        self._events = [each for each in self._events if tenant_of(each) in unpaid]
        self._touched = {id_: each for id_, each in self._touched.items() if each.subject.tenant in unpaid}
        if must_sweep or self.book.forgotten > self._forgotten:
            self.outbox.keep_only(finding.id for finding in self.book.findings())
            self._must_sweep, self._forgotten = self._must_sweep and not must_sweep, self.book.forgotten

    def _append_everywhere(self, records: Sequence[Record], now_ns: int) -> list[OSError]:
        if not records:
            return []
        failures = self.ledgers.append_everywhere(records)
        if not failures:
            self.signed_ns = now_ns
        return failures

    def _append(self, tenant: Tenant, items: Sequence[Item], now_ns: int) -> None:
        used = self._exceptions_used(items)
        policy = self._standing.basis.policy
        excused = [self._filing.exception_used(each, policy, now_ns) for each in used.values()]
        records = [*(item.record for item in items), *excused]
        self.ledgers.append(tenant, records)
        self.signed_ns = now_ns
        if len(self._exceptions) + len(used) > MAX_EXCEPTIONS:
            self._exceptions.clear()  # and some are said twice
        self._exceptions |= used.keys()

    def _group(self, items: Sequence[Item], now_ns: int) -> None:
        for item in items:
            if item.decision is not None:
                self.owe(self.book.offer(item.decision), now_ns)
            if item.origin is not None:
                self.origins.took(tenant_folder(item.tenant), item.origin)

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


def tenant_of(event: Event) -> Tenant:
    """Return whose event it is."""
    return event.change.finding.subject.tenant if isinstance(event, FindingEvent) else event.tenant
