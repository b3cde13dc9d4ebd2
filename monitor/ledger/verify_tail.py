"""What stands behind the checkpoint: is it what a stop of the daemon leaves? Pure.

A batch is in the journal, whole, before any other file has a byte of it. So what other files have more than
the checkpoint says is the beginning of what the journal holds, and all else is a fault.
"""

import re
from hashlib import sha256

from monitor.ledger.batch import Batch, decode_batch
from monitor.ledger.edge import Edge
from monitor.ledger.names import CHECKPOINT, JOURNAL, payload_path
from monitor.ledger.types import Leaf, payload_hash
from monitor.ledger.verify_head import Head
from monitor.ledger.verify_leaves import read_leaf
from monitor.ledger.verify_payloads import read_line
from monitor.ledger.verify_types import Faults, Tail
from monitor.merkle.checkpoint import Checkpoint, CheckpointError, format_checkpoint, parse_checkpoint
from monitor.merkle.note import NoteError, read_note
from monitor.merkle.tiles import TILE_HEIGHT, Place, TileError, encode_bundle, parse_path

NEW_CHECKPOINT = f"{CHECKPOINT}.new"  # what becomes the checkpoint once it is whole
SIGNATURE_CHARACTERS = 93  # base64 of four bytes of key id and 64 of signature, and the line end
_START = re.compile(rb'.{4}\{"start":([0-9]{1,18}),', re.DOTALL)  # how a body begins, see Head in batch.py
RECORD_HEAD = 40  # of a journal's record: eight bytes of length, and SHA-256 of the body


def may_be_left(path: str) -> bool:
    """Tell whether a stop leaves files of such a name, beside payload files."""
    try:
        return path == NEW_CHECKPOINT or bool(parse_path(path))
    except TileError:
        return False


def split_journal(data: bytes, faults: Faults) -> tuple[list[bytes], int]:
    """Return the bodies of the whole records, and how many bytes stand behind them: a batch that was torn."""
    bodies, at = [], 0
    while len(data) - at >= RECORD_HEAD:
        start = at + RECORD_HEAD
        end = start + int.from_bytes(data[at : at + 8])
        body = data[start:end]
        if end > len(data) or sha256(body).digest() != data[at + 8 : start]:
            if end < len(data) and any(data[at:]):  # a loss of power may leave zeros
                faults.add(JOURNAL, f"the record at byte {at} has another hash, and more stands behind it")
            break
        bodies.append(body)
        at = end
    return bodies, len(data) - at


class TailCheck:
    """Holds what the journal says, and judges by it what stands behind the checkpoint."""

    def __init__(self, head: Head, faults: Faults) -> None:
        """Read the journal that was read with the head; note where it does not fit the checkpoint."""
        self._head = head
        self._faults = faults
        self._signed = head.checkpoint
        self._tiles = dict[tuple[int | None, int], bytes]()  # by level and number: the longest state
        self._states = dict[Place, int]()  # how many bytes of it a tile of that width has
        self._lines = dict[str, tuple[int, bytearray]]()  # by payload file: an offset, and what follows
        self._roots = dict[int, bytes]()
        self._files = 0
        bodies, self._torn = split_journal(head.journal, faults)
        self._end = self._signed.size
        if bodies:
            self._follow(bodies)
        torn = _START.match(head.journal, len(head.journal) - self._torn + RECORD_HEAD)
        if torn and int(torn[1]) != self._end:
            self._faults.add(
                JOURNAL, f"what is torn begins at entry {int(torn[1])}, and entry {self._end} is next"
            )

    def tail(self) -> Tail | None:
        """Return what a stop left, or None where it left nothing."""
        entries = max(0, self._end - self._signed.size)
        if not entries and not self._torn and not self._files:
            return None
        return Tail(entries, self._torn, self._files)

    def judge_file(self, path: str, data: bytes) -> bool:
        """Tell whether a stop may have left this file, which the ledger does not have otherwise."""
        fits = self._is_checkpoint(data) if path == NEW_CHECKPOINT else self._is_tile(path, data)
        self._files += fits
        return fits

    def judge_lines(self, path: str, offset: int, data: bytes) -> bool:
        """Tell whether a stop may have left these bytes at the end of a payload file."""
        start, lines = self._lines.get(path, (-1, bytearray()))
        fits = start == offset and lines.startswith(data)
        self._files += fits
        return fits

    def longest_lines(self, path: str) -> int:
        """Return how many bytes a stop may have left at the end of a payload file."""
        return len(self._lines.get(path, (0, b""))[1])

    def _follow(self, bodies: list[bytes]) -> None:
        """Append batch by batch, as opening the ledger would, and note which files that makes on the way."""
        edge: Edge | None = None
        for body in bodies:
            try:
                batch = decode_batch(body)
            except ValueError as error:
                self._faults.add(JOURNAL, f"a batch cannot be read: {error}")
                return
            if edge is None and batch.edge is not None:
                edge = batch.edge
                self._note_edge(edge)
            if edge is None or edge.size != batch.start:
                self._faults.add(JOURNAL, f"the entries before {batch.start} are missing")
                return
            if not self._note_lines(batch):
                return
            for path, data in edge.grow(batch.leaves).files:
                self._note_tile(parse_path(path), data)
            if edge.size >= self._signed.size:
                self._roots[edge.size] = edge.root()
        self._end = edge.size if edge else 0
        if self._roots.get(self._signed.size) != self._signed.root:
            problem = f"it goes on to {self._end} entries, but not from those that the checkpoint says"
            self._faults.add(JOURNAL, problem)

    def _note_edge(self, edge: Edge) -> None:
        self._roots[edge.size] = edge.root()
        if edge.leaves:
            place = Place(None, edge.size >> TILE_HEIGHT, len(edge.leaves))
            self._note_tile(place, encode_bundle(edge.leaves))
        for level, row in enumerate(edge.rows):
            if row:
                place = Place(level, edge.size >> TILE_HEIGHT * (level + 1), len(row))
                self._note_tile(place, b"".join(row))

    def _note_tile(self, place: Place, data: bytes) -> None:
        """Take a state of a tile; a later one goes on from it."""
        self._tiles[place.level, place.number] = data
        self._states[place] = len(data)

    def _note_lines(self, batch: Batch) -> bool:
        """Check that lines and leaves of a batch belong together, and keep those that are not signed.

        Return False where entries have no line: such a batch is no daemon's, and may have very many.
        """
        leaves = {batch.start + at: raw for at, raw in enumerate(batch.leaves)}
        for piece in batch.pieces:
            for line in piece.data.split(b"\n")[:-1]:
                found = read_line(line + b"\n")
                leaf = read_leaf(leaves.pop(found[0], b"")) if found else None
                if found is None or not isinstance(leaf, Leaf) or not _belongs(leaf, found, piece.path):
                    self._faults.add(
                        JOURNAL, f"a line of {piece.path} is not what the entries of its batch say"
                    )
            if batch.start >= self._signed.size:
                self._lines.setdefault(piece.path, (piece.head.offset, bytearray()))[1].extend(piece.data)
        if leaves:
            self._faults.add(JOURNAL, f"entry {min(leaves)} has no payload line in its batch")
        return not leaves

    def _is_tile(self, path: str, data: bytes) -> bool:
        """Tell whether a tile had this state on the way through the journal, or this is the start of one."""
        try:
            place = parse_path(path)
        except TileError:
            return False
        whole = self._tiles.get((place.level, place.number), b"")[: self._states.get(place, 0)]
        return place in self._states and whole.startswith(data)

    def _is_checkpoint(self, data: bytes) -> bool:
        """Tell whether this is a checkpoint from the way through the journal, or the start of one."""
        verifier = self._head.verifier
        try:
            found = parse_checkpoint(verifier.verify(read_note(data)))
        except (NoteError, CheckpointError):
            return any(self._begins(data, size, root) for size, root in self._roots.items())
        return found.origin == self._signed.origin and self._roots.get(found.size) == found.root

    def _begins(self, data: bytes, size: int, root: bytes) -> bool:
        note = format_checkpoint(Checkpoint(self._signed.origin, size, root))
        text = f"{note}\n\u2014 {self._head.verifier.name} ".encode()
        return len(data) < len(text) + SIGNATURE_CHARACTERS and (
            text.startswith(data) or data.startswith(text)
        )


def _belongs(leaf: Leaf, line: tuple[int, bytes, bytes], path: str) -> bool:
    _, salt, payload = line
    return payload_hash(salt, payload) == leaf.payload and payload_path(leaf.payload_class, leaf.day) == path
