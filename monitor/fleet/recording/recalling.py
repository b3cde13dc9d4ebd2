"""Has behaviours look at what the ledgers hold, as if it came again: memory of them is not durable itself.

Bounded: of each ledger the newest entries alone are read.
"""

import msgspec

from monitor.behaviours import Behaviour, Behaviours
from monitor.files import InputError
from monitor.ledger.reader import open_ledger
from monitor.ledger.tenants import Ledgers
from monitor.types import Decision

RECALLED_ENTRIES = 100_000  # of each ledger
_MEND = "run the version that wrote it, or move the ledger away to begin another"


class _Decided(msgspec.Struct):
    decision: Decision


_decided = msgspec.json.Decoder(_Decided).decode


def recall(ledgers: Ledgers, behaviours: Behaviours) -> list[Behaviour]:
    """Offer the newest decisions of all ledgers; return what they began, as it stood then.

    Raises InputError where a ledger cannot be read.
    """
    found: dict[str, Behaviour] = {}
    for writer in list(ledgers.all()):
        for entry in open_ledger(writer.folder).entries(writer.size - RECALLED_ENTRIES):
            if entry.leaf.kind != "decision" or entry.payload is None:
                continue
            try:
                decision = _decided(entry.payload).decision
            except msgspec.DecodeError as error:
                problem = f"entry {entry.index} cannot be read: {error}"
                raise InputError(str(writer.folder), problem, _MEND) from None
            if not decision.is_open:
                found |= {each.id: each for each in behaviours.offer(decision)}
    return list(found.values())
