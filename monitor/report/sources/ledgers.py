"""Reads the ledger of one tenant, in one pass, as far as its checkpoint went when it was opened.

A payload counts only where it is what its leaf says. `gap` records are passed over: windows count the same.
"""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from monitor.findings.types import Change
from monitor.ledger.reader import Entry
from monitor.ledger.types import Leaf
from monitor.rejudge.ledgers import LedgerRecords
from monitor.rejudge.reading import MALFORMED, Reading
from monitor.rejudge.types import Recorded
from monitor.report.loaded import LoadedLog
from monitor.report.material import Material
from monitor.report.periods import holds, overlaps
from monitor.report.sources.source import RECORD_BYTES, Progress, as_read, counts, say_problems, sound_of
from monitor.report.types import Checkpoint
from monitor.windows import Window
from sensors.capture import path_text

NOT_VERIFIED = (
    "Whether a ledger is the one that was signed was not looked at here: `residency verify` does that, with"
    " a key and checkpoints that were kept elsewhere."
)
NO_WINDOW = "no statement there covers that time: how much could be seen is not known"

T = TypeVar("T")


class _PolicyLoaded(msgspec.Struct):
    version: str
    text: str | None = None


class _DatasetsLoaded(msgspec.Struct):
    catalogue: str
    tool: str
    datasets: tuple[str, ...] = ()


class _ExceptionUsed(msgspec.Struct):
    exception: str
    policy: str | None = None


_window = msgspec.json.Decoder(Window)
_change = msgspec.json.Decoder(Change)
_policy = msgspec.json.Decoder(_PolicyLoaded)
_datasets = msgspec.json.Decoder(_DatasetsLoaded)
_exception = msgspec.json.Decoder(_ExceptionUsed)


class LedgerSource:
    """One tenant's ledger."""

    def __init__(self, path: Path) -> None:
        """Open it. Raises InputError."""
        self.path = path
        reader = LedgerRecords(path).reader
        self.length = reader.size * RECORD_BYTES
        self.tenant = reader.tenant

    def may_hold(self, tenant: str) -> bool:
        """Tell whether anything of a tenant may be in it."""
        return tenant == self.tenant

    def read(self, material: Material, progress: Progress) -> tuple[str, ...]:
        """Add all of it to the material. Raises InputError."""
        number, reading = len(material.inputs), Reading()
        others = _Others(material, number, reading)

        def wanted(leaf: Leaf) -> bool:
            return holds(material.period, leaf.at_ns)

        records = LedgerRecords(self.path, others.take, wanted)
        _, counted = counts(records, reading, lambda steps: progress(steps * RECORD_BYTES), others.decision)
        for state in others.log.states(material.period):
            material.load(state)
        material.left_out["loaded"] += others.log.left_out
        reader = records.reader
        root = base64.b64encode(reader.checkpoint.root).decode()
        found = replace(
            as_read("ledger", self.path, reading, counted),
            tenant=reader.tenant,
            checkpoint=Checkpoint(reader.origin, reader.size, root, reader.vkey),
        )
        if not others.windows:
            material.seeing.unstated(f"{path_text(self.path)}: {NO_WINDOW}")
        material.limits.setdefault(NOT_VERIFIED)
        material.inputs.append(found)
        say_problems(material, found)
        return (reader.origin,)


class _Others:
    """Takes the records that are no decisions."""

    def __init__(self, material: Material, number: int, reading: Reading) -> None:
        self.log = LoadedLog(number)
        self.windows = 0
        self._material = material
        self._number = number
        self._reading = reading
        self._takers: dict[str, Callable[[Entry, bytes], None]] = {
            "coverage": self._window,
            "finding": self._change,
            "policy-loaded": self._policy,
            "datasets-loaded": self._datasets,
            "exception-used": self._exception,
        }

    def decision(self, recorded: Recorded) -> bool:
        """Take a decision; return whether it counts."""
        policy = self.log.policy_at(recorded.index)
        is_counted = self._material.gathering.add(recorded, self._number, policy)
        if is_counted:
            self.log.use(recorded.index)
        return is_counted

    def take(self, entry: Entry, payload: bytes) -> None:
        """Take a record with its payload."""
        taker = self._takers.get(entry.leaf.kind)
        if taker is not None:
            taker(entry, payload)

    def _window(self, _: Entry, payload: bytes) -> None:
        window = self._read(payload, _window)
        if window is not None:
            self.windows += overlaps(self._material.period, *sorted((window.since_ns, window.until_ns)))
            self._material.seeing.window(window, self._number)

    def _change(self, _: Entry, payload: bytes) -> None:
        change = self._read(payload, _change)
        if change is not None:
            self._material.found.changed(change, self._number)

    def _policy(self, entry: Entry, payload: bytes) -> None:
        loaded = self._read(payload, _policy)
        if loaded is None:
            return
        self.log.policy(entry.index, entry.leaf.at_ns, loaded.version)
        if loaded.text is not None and not self._material.policies.add(loaded.version, loaded.text):
            self._reading.problems[MALFORMED] += 1

    def _datasets(self, entry: Entry, payload: bytes) -> None:
        loaded = self._read(payload, _datasets)
        if loaded is not None:
            known = loaded.catalogue, loaded.datasets
            self.log.datasets(entry.index, entry.leaf.at_ns, loaded.tool, known)

    def _exception(self, entry: Entry, payload: bytes) -> None:
        used = self._read(payload, _exception)
        if used is not None and holds(self._material.period, entry.leaf.at_ns):
            self._material.gathering.exceptions.noted(used.exception, used.policy, entry.leaf.at_ns)

    def _read(self, payload: bytes, decoder: "msgspec.json.Decoder[T]") -> T | None:
        found = sound_of(payload, decoder)
        if found is None:
            self._reading.problems[MALFORMED] += 1
        return found
