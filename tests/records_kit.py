"""Records for the tests of the ledger, and the plainest reading of RFC 6962 to compare its tree with."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import msgspec

from monitor.ledger.reader import Entry, open_ledger
from monitor.ledger.types import Leaf, PayloadClass, Record, RecordKind, leaf_bytes, payload_hash
from monitor.ledger.writer import LedgerWriter
from monitor.merkle.note import Signer
from tests.observed import START_NS

NOW_NS = START_NS  # 2026-03-10
TODAY = "2026-03-10"
TENANT = "acme"
SIGNER = Signer.generate("residency/edge/acme", bytes(range(32)))


@contextmanager
def folder_in_memory(otherwise: Path) -> Iterator[Path]:
    """Give a new folder where an fsync costs nothing, or the other one where the system has no such place."""
    if not os.access("/dev/shm", os.W_OK):
        yield otherwise
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as made:
        yield Path(made)


def record(
    number: int,
    payload_class: PayloadClass = "violation",
    day: str = TODAY,
    kind: RecordKind = "decision",
    padding: int = 0,
) -> Record:
    """Return a record that is told from others by its number."""
    payload = msgspec.json.encode({"number": number, "padding": "x" * padding})
    return Record(kind, NOW_NS + number, payload_class, day, payload)


def writer(folder: Path, now_ns: int = NOW_NS) -> LedgerWriter:
    """Open the ledger of TENANT in a folder."""
    return LedgerWriter(folder, SIGNER, TENANT, now_ns)


def numbers(folder: Path, start: int = 0, stop: int | None = None) -> list[int | None]:
    """Return the numbers of all entries as they are read, each checked against its leaf; None is erased."""
    return [_number(entry) for entry in open_ledger(folder).entries(start, stop)]


def _number(entry: Entry) -> int | None:
    assert leaf_bytes(entry.leaf) == entry.raw
    if entry.payload is None:
        assert entry.salt is None
        return None
    assert entry.salt is not None
    assert payload_hash(entry.salt, entry.payload) == entry.leaf.payload
    found = msgspec.json.decode(entry.payload)
    return int(found["number"]) if "number" in found else -1


def naive_root(leaves: list[bytes]) -> bytes:
    """Return MTH of RFC 6962, section 2.1, as it is written there."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


def check(folder: Path) -> list[bytes]:
    """Check that the checkpoint's root is that of the leaves in the bundles; return those."""
    reader = open_ledger(folder)
    leaves = [raw for _, raw in reader.leaves()]
    assert len(leaves) == reader.size
    assert naive_root(leaves) == reader.checkpoint.root
    return leaves


def leaf(number: int) -> bytes:
    """Return a leaf that stands for a payload of which nothing else is known."""
    return leaf_bytes(Leaf(number, TODAY, "decision", "0" * 64, "allow"))


def files(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder by their path in it."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
