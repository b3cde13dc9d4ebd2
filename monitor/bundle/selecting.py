"""Chooses the entries of a ledger that a bundle of one finding holds: by index, in one or two passes.

They are its changes, its decisions, and for each decision the policy and the data sets that were loaded last
before it. What a behaviour rests on is not recorded but for its first connection.
"""

from array import array
from collections.abc import Iterator

import msgspec

from monitor.bundle.members import MAX_ENTRIES, Changed, changed, connection_of, finding_of
from monitor.files import InputError
from monitor.ledger.reader import Entry, LedgerReader
from monitor.ledger.types import RecordKind
from sensors.observations import FlowKey

LOADED: tuple[RecordKind, ...] = ("policy-loaded", "datasets-loaded")


class Selected(msgspec.Struct):
    """What was chosen: indices in order, the finding as it was recorded last, and how many decisions."""

    indices: "array[int]"
    finding: Changed | None = None
    decisions: int = 0
    changes: int = 0
    loaded: dict[RecordKind, int] = {}  # the last of each kind that counts


def select(reader: LedgerReader, finding: str) -> Selected:
    """Choose what a bundle of a finding holds; nothing where the ledger has nothing of it.

    Raises InputError where the ledger is damaged, or has more than MAX_ENTRIES of it.
    """
    selected = Selected(array("Q"))
    chosen = _Chooser(selected, finding)
    for entry in reader.entries():
        chosen.take(entry, reader)
    if selected.finding is not None and not selected.decisions and selected.finding.sample is not None:
        again = _Chooser(selected, finding, selected.finding.sample)
        for entry in reader.entries():
            again.take(entry, reader)
    selected.indices = array("Q", sorted(selected.indices))
    return selected


def entries(reader: LedgerReader, indices: "array[int]") -> Iterator[Entry]:
    """Yield the entries at these indices, in order. Raises InputError."""
    wanted = iter(indices)
    following = next(wanted, None)
    if following is None:
        return
    for entry in reader.entries(following, indices[-1] + 1):
        if entry.index == following:
            yield entry
            following = next(wanted, None)


class _Chooser:
    """One pass over a ledger. With a ``sample`` decisions of that connection are chosen, and nothing else."""

    def __init__(self, selected: Selected, finding: str, sample: tuple[int, FlowKey] | None = None) -> None:
        self._selected = selected
        self._finding = finding
        self._mark = finding.encode()
        self._sample = sample
        self._loaded: dict[RecordKind, int] = {}
        self._added: set[int] = set()  # of what was loaded

    def take(self, entry: Entry, reader: LedgerReader) -> None:
        """Look at one entry, in order."""
        kind, payload = entry.leaf.kind, entry.payload
        if payload is None:
            return
        try:
            if kind in LOADED:
                self._loaded[kind] = entry.index
            elif kind == "decision":
                self._decision(entry.index, payload)
            elif kind == "finding" and self._sample is None and self._mark in payload:
                self._change(entry.index, payload)
        except msgspec.DecodeError as error:
            mend = "see `residency verify` for what else is wrong with it"
            raise InputError(str(reader.folder), f"entry {entry.index}: {error}", mend) from None

    def _decision(self, index: int, payload: bytes) -> None:
        if self._sample is None:
            mine = self._mark in payload and finding_of(payload) == self._finding
        else:
            mine = connection_of(payload) == self._sample
        if mine:
            self._selected.decisions += 1
            self._selected.loaded = dict(self._loaded)
            loaded = set(self._loaded.values()) - self._added
            self._added |= loaded
            self._add(*loaded, index)

    def _change(self, index: int, payload: bytes) -> None:
        change = changed(payload)
        if change.id == self._finding:
            self._selected.changes += 1
            self._selected.finding = change
            self._add(index)

    def _add(self, *indices: int) -> None:
        self._selected.indices.extend(indices)
        if self._selected.decisions + self._selected.changes > MAX_ENTRIES:
            problem = f"more than {MAX_ENTRIES:,} entries are of finding {self._finding}"
            raise InputError("ledger", problem, "export a copy of the ledger that ends earlier")
