"""What `residency verify` says of ledgers and bundles. Pure."""

import base64
from collections.abc import Iterator, Sequence

from monitor.bundle.verify import VerifiedBundle
from monitor.commands.terminal import printable
from monitor.ledger.verify_root import VerifiedRoot
from monitor.ledger.verify_types import Fault, Tail, Verified
from monitor.merkle.checkpoint import Checkpoint
from monitor.timestamps import Timestamp
from monitor.wording import plural

OWN_KEY = "its own: it fits itself, which does not prove who wrote it; name a key that you trust with --key"


def ledger_lines(found: VerifiedRoot, stamp: Timestamp | None, no_stamp: Fault | None) -> Iterator[str]:
    """Yield what came of verifying the ledgers at a path, and of the time stamp of one."""
    for each in found.ledgers:
        yield from _ledger(each)
    if found.beside:
        yield f"beside the ledgers: {plural(len(found.beside), 'fault')}"
        yield from faults(found.beside, 0)
    if stamp is not None:
        when = f"{stamp.time:%Y-%m-%d %H:%M:%S} UTC"
        yield f"time stamp: the checkpoint existed at {when}, by the word of {printable(stamp.authority)}"
    if no_stamp is not None:
        yield "time stamp: NOT verified"
        yield from faults((no_stamp,), 0)


def _ledger(found: Verified) -> Iterator[str]:
    name = found.tenant if found.tenant is not None else "traffic of no tenant"
    yield headline(f"{printable(name)} ({printable(found.folder)})", found.faults, found.more_faults)
    erased = f"; the payloads of {found.erased:,} were erased by retention" if found.erased else ""
    yield fact("entries", f"{found.entries:,}{erased}")
    yield from signed(found.checkpoint, found.key, trusted=found.trusted)
    if found.unsigned_tail is not None:
        yield fact("not signed", _tail(found.unsigned_tail))
    if found.moved:
        yield fact("not looked at", "what came behind the checkpoint: the ledger was written to meanwhile")
    yield from faults(found.faults, found.more_faults)


def _tail(tail: Tail) -> str:
    parts = [f"{tail.entries:,} in the journal"] if tail.entries else []
    parts += (
        [f"{plural(tail.torn_bytes, 'byte')} of a batch that never was durable"] if tail.torn_bytes else []
    )
    said = " and ".join(parts) or "the rest of a batch"
    return f"{said}, not yet signed: the daemon was stopped; it repairs this at its next start"


def bundle_lines(found: VerifiedBundle, of_captures: Sequence[Fault], hidden: int) -> Iterator[str]:
    """Yield what came of verifying a bundle, and of comparing all but ``hidden`` decisions with captures."""
    all_faults = (*found.faults, *of_captures)
    yield headline(printable(found.path), all_faults, found.more_faults)
    if found.finding is not None:
        of = f", tenant {printable(found.tenant)}" if found.tenant is not None else ""
        yield fact("finding", f"{printable(found.finding)}{of}")
    decisions = plural(found.decisions, "decision")
    yield fact("entries", f"{found.entries:,}: {decisions}, {plural(found.changes, 'change')} of the finding")
    yield from signed(found.checkpoint, found.key, trusted=found.trusted)
    if hidden:
        said = f"{plural(hidden, 'decision')} with pseudonyms of clients, which no replay gives"
        yield fact("not compared", said)
    yield from faults(all_faults, found.more_faults)


def headline(name: str, found: Sequence[Fault], more: int) -> str:
    """Return the verdict as one line."""
    return f"{name}: " + (f"NOT verified: {plural(len(found) + more, 'fault')}" if found else "verified")


def signed(checkpoint: Checkpoint | None, key: str, *, trusted: bool) -> Iterator[str]:
    """Yield what was signed, and whose word that is."""
    if checkpoint is not None:
        root = base64.b64encode(checkpoint.root).decode()
        yield fact("checkpoint", f"{checkpoint.size:,} entries, root {root}")
    if key:
        yield fact("key", f"{printable(key)}: {'trusted' if trusted else OWN_KEY}")


def faults(found: Sequence[Fault], more: int) -> Iterator[str]:
    """Yield faults, one a line."""
    for fault in found:
        yield f"  {printable(fault.line())}"
    if more:
        yield f"  and {more:,} more"


def fact(label: str, value: str) -> str:
    """Return a label and a value as one line."""
    return f"  {label:<11} {value}"
