"""Appends to one tenant's ledger: a batch is durable, or nothing of it stands there.

First the journal: one record, one fsync. Then the batch is written to its places, which needs no fsync, for
the journal can do it again; now and then the disk is made to hold all of it, and the journal is emptied.
A batch that is durable but could not be applied (the disk is full) is applied before the next is appended.
"""

import errno
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from monitor.files import InputError
from monitor.ledger.applying import Work, apply, replay, signed
from monitor.ledger.batch import encode_batch, make_batch
from monitor.ledger.days import Steady
from monitor.ledger.opening import Recovered, open_writable
from monitor.ledger.retention import Expired, KeptDays, expired, retention_record
from monitor.ledger.types import SALT_BYTES, Record
from monitor.merkle.note import Signer

JOURNAL_BYTES = (
    33_554_432  # of batches, before all is synced and the journal emptied; one batch may be larger
)


class LedgerWriter:
    """The one who writes to a ledger. ``recovered`` is what opening it repaired.

    ``problem`` is why a batch that is durable could not be applied yet, or None.
    """

    def __init__(self, folder: Path, signer: Signer, tenant: str | None, now_ns: int) -> None:
        """Open the ledger, or make it; the signer's name is its origin. Raises InputError."""
        opened = open_writable(folder, signer, tenant)
        self.folder = folder
        self.tenant = tenant
        self.recovered: Recovered = opened.recovered
        self.problem: OSError | None = None
        self._signer = signer
        self._disk, self._journal, self._edge = opened.disk, opened.journal, opened.edge
        self._note = signed(signer, self._edge)
        self._work: Work | None = None
        self._must_replay = False
        self._steady = Steady()
        self._steady.believes(now_ns)

    @property
    def size(self) -> int:
        """How many entries are durable."""
        return self._edge.size

    def checkpoint(self) -> str:
        """Return the signed note of all entries that are durable."""
        return self._note

    def append(self, records: Sequence[Record]) -> int:
        """Have the disk hold records; return the index of the first.

        Raises OSError: nothing was appended, and the same may be tried again; ValueError for a record that
        can stand in no ledger.
        """
        self._journal.check()
        self._settle()
        if self._must_replay:
            self.sync()
        if not records:
            return self.size
        batch = make_batch(
            self.size, records, secrets.token_bytes(SALT_BYTES * len(records)), self._disk.size
        )
        if self._journal.bytes + sum(len(piece.data) for piece in batch.pieces) > JOURNAL_BYTES:
            self.sync()
        if not self._journal.bytes:
            batch = msgspec.structs.replace(batch, edge=self._edge)
        self._journal.append(encode_batch(batch))
        growth = self._edge.grow(batch.leaves)
        self._note = signed(self._signer, self._edge)
        self._work = Work(batch.pieces, growth, self._note)
        with suppress(OSError):  # it is durable, and said in ``problem``
            self._settle()
        return batch.start

    def expire(self, now_ns: int, kept_days: KeptDays) -> tuple[Expired, ...]:
        """Delete payload files that were kept long enough; return which. Call it more often than once a day.

        What is deleted is recorded before, and durably. After a step of the clock nothing is deleted for a
        day. Raises OSError: some are not deleted, which is tried again by the next call.
        """
        if not self._steady.believes(now_ns):
            return ()
        self._journal.check()
        found = expired(self.folder, now_ns, kept_days)
        if found:
            self.sync()
            self.append([retention_record(each, now_ns) for each in found])
            self.sync()  # now no erased payload stands in the journal
            for each in found:
                self._disk.remove(each.path)
            self._disk.sync()
        return tuple(found)

    def sync(self) -> None:
        """Have the disk hold everything in its place, and empty the journal. Raises OSError."""
        self._journal.check()
        self._settle()
        if self._must_replay:  # the system may have dropped what it could not write to the disk
            self._replay()
        self._must_replay = True
        self._disk.sync()
        self._must_replay = False
        self._journal.empty()

    def close(self) -> None:
        """Make all durable in its place, as far as that works, and let the ledger go."""
        with suppress(OSError):  # the journal has it
            self.sync()
        self._journal.close()

    def _replay(self) -> None:
        """Write all that the journal has once more. Raises OSError."""
        self._journal.cut_torn()  # or what was never acknowledged would be taken for a batch
        try:
            size = replay(self._disk, self._journal, self._signer)
        except InputError as error:
            raise OSError(errno.EIO, error.problem, error.path) from None
        if size not in {None, self.size}:
            raise OSError(errno.EIO, "the journal lost batches", str(self._journal.path))

    def _settle(self) -> None:
        """Apply the batch that could not be applied when it was appended. Raises OSError."""
        if self._work:
            try:
                apply(self._disk, self._work)
            except OSError as error:
                self.problem = error
                raise
            self._work = self.problem = None
