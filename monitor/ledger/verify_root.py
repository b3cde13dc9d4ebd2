"""Verifies what stands at a path: one ledger, or a root with those of all tenants, and what is beside them.

Each ledger is verified by the key that has its name, and by the checkpoints of it that were kept elsewhere.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from monitor.files import unreadable
from monitor.ledger.lock import LOCK
from monitor.ledger.names import LEDGER
from monitor.ledger.reader import ledgers_in
from monitor.ledger.verify import KeptCheckpoint, verify_ledger
from monitor.ledger.verify_files import shown
from monitor.ledger.verify_head import read_header
from monitor.ledger.verify_types import Fault, Faults, Verified
from monitor.merkle.note import Verifier


class VerifiedRoot(msgspec.Struct, frozen=True):
    """What came of verifying all ledgers at a path. ``beside`` are faults that are of none of them."""

    ledgers: tuple[Verified, ...]
    beside: tuple[Fault, ...]

    @property
    def holds(self) -> bool:
        """Whether no fault was found."""
        return not self.beside and all(each.holds for each in self.ledgers)


def verify_root(
    path: Path, keys: Sequence[Verifier] = (), kept: Sequence[KeptCheckpoint] = ()
) -> VerifiedRoot:
    """Verify the ledgers at a path; without ``keys`` each by its own. Raises InputError."""
    folders = ledgers_in(path)
    ledgers, origins = list[Verified](), set[str]()
    faults = Faults()
    for folder in folders:
        origin, key = _named(folder)
        origins.add(origin)
        mine = [each for each in keys if each.name == origin]
        trusted = next((each for each in mine if each.vkey == key), mine[0] if mine else None)
        found = verify_ledger(folder, trusted, [each for each in kept if _origin_of(each) == origin])
        if keys and trusted is None:
            fault = Fault(LEDGER, f"none of the keys that were given is its key, {found.key}")
            found = replace(found, faults=(fault, *found.faults))
        if folders != [path] and origin and origin.rpartition("/")[2] != folder.name:
            fault = Fault(LEDGER, f"it is in the folder of another tenant: it is {origin}")
            found = replace(found, faults=(fault, *found.faults))
        ledgers.append(found)
    for each in kept:
        if _origin_of(each) not in origins:
            faults.add(each.place, f"the ledger that it is of is not here: {_origin_of(each)}")
    if folders != [path]:
        _name_strangers(path, folders, faults)
    return VerifiedRoot(tuple(ledgers), tuple(faults.found))


def _named(folder: Path) -> tuple[str, str]:
    """Return the origin and the key that a ledger says it has; empty where it says none."""
    try:
        header = read_header(folder, Faults())
    except OSError as error:
        raise unreadable(folder / LEDGER, error) from None
    return (header.origin, header.key) if header else ("", "")


def _origin_of(kept: KeptCheckpoint) -> str:
    return kept.note.partition("\n")[0]


def _name_strangers(root: Path, folders: Sequence[Path], faults: Faults) -> None:
    """Note what a root of ledgers does not have; its lock is no evidence and may say anything."""
    known = {folder.name for folder in folders} | {LOCK}
    try:
        names = sorted(each.name for each in root.iterdir() if each.name not in known)
    except OSError as error:
        raise unreadable(root, error) from None
    for name in names:
        faults.add(shown(name), f"it is no ledger: it has no {LEDGER}")
