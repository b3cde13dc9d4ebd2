"""Makes ledgers by hand, by the layout alone and not by the ledger's own writer; and spoils them."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from monitor.ledger.types import Leaf, PayloadClass, RecordKind, leaf_bytes
from monitor.ledger.verify import Verified, verify_ledger
from monitor.merkle.checkpoint import Checkpoint, format_checkpoint
from monitor.merkle.note import Signer, Verifier
from monitor.merkle.tiles import encode_bundle, entries_path, tile_path
from monitor.merkle.tree import Frontier, leaf_hashes, perfect_root

SIGNER = Signer.generate("residency/sensor-1/acme", bytes(range(32)))
VERIFIER = Verifier(SIGNER.vkey)
DAY = "2026-03-10"


class Item(msgspec.Struct, frozen=True):
    """An entry to be: its class, its payload, and of which day and kind it is."""

    payload_class: PayloadClass
    payload: bytes
    kind: RecordKind = "decision"
    day: str = DAY


def item(number: int, payload_class: PayloadClass | None = None, size: int = 0) -> Item:
    """Return an entry whose payload says its number."""
    chosen: PayloadClass = payload_class or ("violation" if number % 3 else "allow")
    return Item(chosen, b'{"number":%d,"text":"%s"}' % (number, b"x" * size))


def retention(payload_class: PayloadClass, entries: int, day: str = DAY) -> Item:
    """Return a record that a payload file was deleted."""
    said = msgspec.json.encode({"class": payload_class, "day": day, "entries": entries, "bytes": 1})
    return Item("record", said, "retention", "2026-09-10")


def salt_of(index: int) -> bytes:
    return hashlib.sha256(b"salt %d" % index).digest()[:16]


def leaf_of(index: int, made: Item) -> bytes:
    digest = hashlib.sha256(salt_of(index) + made.payload).hexdigest()
    return leaf_bytes(Leaf(1_000 + index, made.day, made.kind, digest, made.payload_class))


def line_of(index: int, made: Item) -> bytes:
    return b'{"index":%d,"salt":"%s","payload":%s}\n' % (index, salt_of(index).hex().encode(), made.payload)


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def write_tree(folder: Path, leaves: Sequence[bytes]) -> bytes:
    """Write entry bundles and hash tiles of these leaves; return the root."""
    for at in range(0, len(leaves), 256):
        piece = leaves[at : at + 256]
        write(folder / entries_path(at // 256, len(piece)), encode_bundle(piece))
    level, row = 0, leaf_hashes(leaves)
    frontier = Frontier()
    frontier.extend(row)
    while row:
        pieces = [row[at : at + 256] for at in range(0, len(row), 256)]
        for number, hashes in enumerate(pieces):
            write(folder / tile_path(level, number, len(hashes)), b"".join(hashes))
        row = [perfect_root(hashes) for hashes in pieces if len(hashes) == 256]
        level += 1
    return frontier.root()


def write_checkpoint(folder: Path, size: int, root: bytes, signer: Signer = SIGNER) -> None:
    write(folder / "checkpoint", signer.sign(format_checkpoint(Checkpoint(SIGNER.name, size, root))).encode())


def make_ledger(folder: Path, items: Sequence[Item], signer: Signer = SIGNER) -> Path:
    """Write a whole ledger; the entry at place N has index N."""
    header = {"format": 1, "key": signer.vkey, "origin": signer.name, "tenant": "acme"}
    write(folder / "ledger.json", msgspec.json.encode(header, order="sorted") + b"\n")
    write(folder / "journal", b"")
    files = dict[str, list[bytes]]()
    for index, made in enumerate(items):
        files.setdefault(f"payloads/{made.payload_class}/{made.day}.jsonl", []).append(line_of(index, made))
    for path, lines in files.items():
        write(folder / path, b"".join(lines))
    root = write_tree(folder, [leaf_of(index, made) for index, made in enumerate(items)])
    write_checkpoint(folder, len(items), root, signer)
    return folder


def remake_tree(folder: Path, leaves: Sequence[bytes]) -> bytes:
    """Put another tree in the place of the one that is there, consistent but not signed; return its root."""
    shutil.rmtree(folder / "tile")
    return write_tree(folder, leaves)


def verify(folder: Path) -> Verified:
    return verify_ledger(folder, VERIFIER)


def told(found: Verified) -> str:
    """Return all faults as text."""
    return "\n".join(fault.line() for fault in found.faults)


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
