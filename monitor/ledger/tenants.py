"""The ledgers of all tenants below one root: each is opened at its first use, and one key signs for all.

What goes to every ledger (a policy, the start of a sensor) goes to those that are there; one that is made
later gets first what was said last of each lasting kind. What a ledger cannot take now it is owed: it gets
that ahead of its next record, or by `pay`.
"""

import stat
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from monitor.files import InputError
from monitor.ledger.days import Steady
from monitor.ledger.disk import FOLDER_MODE
from monitor.ledger.failures import LedgerUnusableError, unusable
from monitor.ledger.keys import signing_key, tenant_signer
from monitor.ledger.lock import RootLock
from monitor.ledger.names import LEDGER, folder_tenant, tenant_folder
from monitor.ledger.retention import Expired, KeptDays
from monitor.ledger.types import PayloadClass, Record, RecordKind
from monitor.ledger.writer import LedgerWriter

MAX_LEDGERS = 128  # open at once; the one that was used longest ago is closed for another one
MAX_OWED = 1_000  # records that a ledger is owed; the oldest is then given up, and counted
LASTING: frozenset[RecordKind] = frozenset(
    {"sensor-start", "configuration", "policy-loaded", "datasets-loaded"}
)  # what holds until it is said anew


class Swept(msgspec.Struct, frozen=True):
    """What retention deleted, by tenant, and why some ledgers keep what it would have deleted.

    Nothing is deleted where the clock is not ``believed``.
    """

    expired: dict[str | None, tuple[Expired, ...]]
    failures: list[OSError]
    believed: bool = True


class Ledgers:
    """The ledgers below ``root``. ``unwritten`` counts records for all that a ledger will never get.

    ``appended`` counts what they took, ``sizes`` says how many entries each has that was used.
    """

    def __init__(
        self, root: Path, key_file: Path, sensor: str, now_ns: int, max_open: int = MAX_LEDGERS
    ) -> None:
        """Take the root; make it and the key where they are not there. Raises InputError."""
        self.root = root
        self.unwritten = Counter[PayloadClass]()
        self.appended = Counter[PayloadClass]()
        self.sizes: dict[str | None, int] = {}
        self._key = signing_key(key_file, sensor)
        self._now_ns = now_ns
        self._max_open = max_open
        self._open: OrderedDict[str, LedgerWriter] = OrderedDict()
        self._lasting: dict[RecordKind, Record] = {}
        self._owed: dict[str, deque[Record]] = {}
        self._steady = Steady()
        self._steady.believes(now_ns)
        try:
            root.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
            self._lock = RootLock(root)
        except OSError as error:
            raise unusable(error, root) from None

    def of(self, tenant: str | None) -> LedgerWriter:
        """Return a tenant's ledger, made where there is none; to be used at once. Raises InputError."""
        try:
            name, signer = tenant_folder(tenant), tenant_signer(self._key, tenant)
        except ValueError as error:
            raise InputError(
                str(self.root), f"tenant {tenant!r}: {error}", "give it a shorter name"
            ) from None
        writer = self._open.get(name)
        if writer is None:
            writer = LedgerWriter(self.root / name, signer, tenant, self._now_ns)
            if not writer.size and name not in self._owed:  # it is new
                self._owe(name, list(self._lasting.values()))
            while len(self._open) >= self._max_open:
                self._open.popitem(last=False)[1].close()
            self._open[name] = writer
            self.sizes[tenant] = writer.size
        self._open.move_to_end(name)
        return writer

    def all(self) -> Iterator[LedgerWriter]:
        """Yield the ledger of each tenant that has one, by folder. Raises InputError."""
        for tenant in self.tenants():
            yield self.of(tenant)

    def append(self, tenant: str | None, records: Sequence[Record]) -> int:
        """Have the disk hold records of a tenant; return the index of the first.

        Raises OSError where nothing was appended, and the same may be tried again, also where the ledger
        could not be opened (LedgerUnusableError). Raises ValueError for a record that can stand in no ledger.
        """
        try:
            writer = self.of(tenant)
        except InputError as error:
            raise LedgerUnusableError(error) from None
        owed = self._owed.get(tenant_folder(tenant), ())
        first = writer.append([*owed, *records]) + len(owed)
        self.sizes[tenant] = writer.size
        self.appended.update(record.payload_class for record in (*owed, *records))
        self._owed.pop(tenant_folder(tenant), None)
        return first

    @property
    def owing(self) -> int:
        """How many records ledgers are owed."""
        return sum(map(len, self._owed.values()))

    def pay(self) -> list[OSError]:
        """Have the ledgers that are owed records take them; return why some could not."""
        failures: list[OSError] = []
        for name in list(self._owed):
            try:
                self.append(folder_tenant(name), ())
            except OSError as error:
                failures.append(error)
        return failures

    def append_everywhere(self, records: Sequence[Record]) -> list[OSError]:
        """Have the disk hold records in every ledger; return why some could not take them.

        Those are owed the records. Raises ValueError for a record that can stand in no ledger.
        """
        failures: list[OSError] = []
        for tenant in self.tenants():
            try:
                self.append(tenant, records)
            except OSError as error:
                failures.append(error)
                self._owe(tenant_folder(tenant), records)
        self._lasting |= {record.kind: record for record in records if record.kind in LASTING}
        return failures

    def expire(self, now_ns: int, kept_days: KeptDays) -> Swept:
        """Delete what was kept long enough in all ledgers. See `LedgerWriter.expire`."""
        self._now_ns = now_ns
        swept = Swept({}, [], self._steady.believes(now_ns))
        if not swept.believed:
            return swept
        for tenant in self.tenants():
            try:
                files = self._expire(self.of(tenant), now_ns, kept_days)
            except InputError as error:
                swept.failures.append(LedgerUnusableError(error))
            except OSError as error:
                swept.failures.append(error)
            else:
                swept.expired.update({tenant: files} if files else {})
        return swept

    def sync(self) -> None:
        """Have the disk hold all that is open in its place. Raises OSError."""
        for writer in self._open.values():
            writer.sync()

    def close(self) -> None:
        """Close all ledgers, and let the root go."""
        for writer in self._open.values():
            writer.close()
        self._open.clear()
        self._lock.close()

    def _expire(self, writer: LedgerWriter, now_ns: int, kept_days: KeptDays) -> tuple[Expired, ...]:
        size = writer.size
        try:
            return writer.expire(now_ns, kept_days)
        finally:  # what it recorded before it failed counts, too
            self.appended["record"] += writer.size - size
            self.sizes[writer.tenant] = writer.size

    def tenants(self) -> list[str | None]:
        """Return whose ledgers there are, by folder: on disk, and open."""
        names = set(self._open)
        with suppress(OSError):
            names |= {each.name for each in self.root.iterdir() if _is_ledger(each)}
        found = []
        for name in sorted(names):
            with suppress(ValueError):  # a folder that is no tenant's
                found.append(folder_tenant(name))
        return found

    def _owe(self, name: str, records: Sequence[Record]) -> None:
        if records:
            owed = self._owed.setdefault(name, deque())
            owed.extend(records)
            while len(owed) > MAX_OWED:
                self.unwritten[owed.popleft().payload_class] += 1


def _is_ledger(folder: Path) -> bool:
    """Tell whether it is one. A folder that cannot be looked into is: using it then says why."""
    try:
        return stat.S_ISREG((folder / LEDGER).stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
