"""Compares the payload files of a ledger with its leaves, in the order of the tree: one reader for each file.

A line stands where its entry has it, once, in its one spelling, and its salted hash is the leaf's. An entry
may lack its line only where a later record of retention names its class and day.
"""

import re
from binascii import hexlify, unhexlify
from collections import deque
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import msgspec

from monitor.ledger.names import payload_path
from monitor.ledger.types import SALT_BYTES, Leaf, PayloadClass
from monitor.ledger.verify_files import NotPlainError, open_plain
from monitor.ledger.verify_types import Faults
from monitor.merkle.tiles import TILE_WIDTH

MAX_LINE_BYTES = 34_000_000  # of one payload line: the longest payload, 32 MiB, and what stands around it
MAX_FILES = 100_000  # payload files of a ledger: a day of each class for thirty years
OPEN_FILES = 64  # at once
MAX_NAMED = 10  # entries without a payload that are named, of one file; more are counted
BUFFER_BYTES = 65_536
MAX_KEPT_BYTES = 4_096  # of a line that a later entry may have
NEVER = 1 << 63

_SALT = 2 * SALT_BYTES
_BETWEEN = b'","payload":'
_LINE = re.compile(
    rb'\{"index":(0|[1-9][0-9]{0,18}),"salt":"([0-9a-f]{32})","payload":(\{.*\})\}\n', re.DOTALL
)


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"payload_class": "class"}):
    """The payload of a record of retention: which file was deleted, and what stood in it."""

    payload_class: PayloadClass
    day: str
    entries: int
    bytes: int


class PayloadFile:
    """A payload file that is read once, and the entries of it that had no line so far."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.offset = 0  # of the line that is looked at
        self.lost: list[int] = []
        self.lost_count = 0
        self.line = b""
        self.number = 0
        self.file: BinaryIO | None = None
        self.there = True
        self.waits_for = 0  # no entry before this one can have the next line, which is read again then

    def step(self) -> None:
        """Let go of the line that is looked at."""
        self.offset += len(self.line)
        self.line = b""

    def put_off(self, index: int) -> None:
        """Keep a long line no longer: one in each of many files would be more than memory holds."""
        if len(self.line) > MAX_KEPT_BYTES:
            self.line, self.waits_for = b"", index
            self.number -= 1
            if self.file is not None:
                self.file.seek(self.offset)

    def lose(self, index: int) -> None:
        """Note an entry that has no line."""
        self.lost_count += 1
        if len(self.lost) < MAX_NAMED:
            self.lost.append(index)

    def place(self) -> str:
        """Say where the line is that is looked at."""
        return f"{self.path} line {self.number}"


def read_line(line: bytes) -> tuple[int, bytes, bytes] | None:
    """Return index, salt and payload of a line in its strict form, or None where it has another."""
    match = _LINE.fullmatch(line)
    return None if match is None else (int(match[1]), unhexlify(match[2]), match[3])


class Payloads:
    """Checks the payload of one entry after the other; ``erased`` counts those that retention took away."""

    def __init__(self, folder: Path, faults: Faults, unread: set[int]) -> None:
        """Take the folder, and the bundles whose entries are not known (it may grow)."""
        self.erased = 0
        self._folder = folder
        self._faults = faults
        self._unread = unread
        self._files = dict[tuple[str, str], PayloadFile]()
        self._open = deque[PayloadFile]()
        self._decode = msgspec.json.Decoder(Retention).decode

    def check(self, index: int, leaf: Leaf) -> None:
        """Check the payload of an entry; entries come in order. Raises OSError."""
        file = self._files.get((leaf.payload_class, leaf.day)) or self._new(leaf.payload_class, leaf.day)
        if file is None:
            self._faults.add(f"entry {index}", f"its day is none, or one of more than {MAX_FILES:,}")
            return
        if index < file.waits_for:
            file.lose(index)
            return
        line = file.line or self._next(file)
        start = b'{"index":%d,"salt":"' % index
        salt_end = len(start) + _SALT
        at = salt_end + len(_BETWEEN)
        if line.startswith(start) and line[salt_end:at] == _BETWEEN and line.endswith(b"}}\n"):
            payload = line[at:-2]
            if _hashed(line[len(start) : salt_end], payload) == leaf.payload:
                file.offset += len(line)
                file.line = b""
                if leaf.kind == "retention":
                    self._retention(index, payload)
                return
        self._check_slowly(index, leaf, file)

    def _check_slowly(self, index: int, leaf: Leaf, file: PayloadFile) -> None:
        """Find out what is wrong, and come to stand at the next line that may be right."""
        while line := file.line or self._next(file):
            found = read_line(line)
            if found is None:
                if not line.endswith(b"\n"):
                    file.put_off(NEVER)
                    break  # cut off: what it is shows when all entries were seen
                self._faults.add(file.place(), "it does not have the form of a payload line")
            elif sha256(found[1] + found[2]).hexdigest() == leaf.payload:
                self._faults.add(
                    file.place(), f"it says index {found[0]}, and is the payload of entry {index}"
                )
                file.step()
                return
            elif found[0] == index:
                self._faults.add(file.place(), f"salt or payload is not that of entry {index}")
                file.step()
                return
            elif found[0] > index:
                file.put_off(found[0])
                break
            elif found[0] // TILE_WIDTH not in self._unread:
                self._faults.add(file.place(), f"index {found[0]} is out of its place, or comes twice")
            file.step()
        file.lose(index)

    def finish(self, size: int) -> Iterator[PayloadFile]:
        """Name the entries without a payload; yield the files that have something behind their last entry.

        Raises OSError.
        """
        for key in sorted(self._files):
            file = self._files[key]
            problem = f"its payload is missing from {file.path}, and no later record of retention names that"
            for index in file.lost:
                self._faults.add(f"entry {index}", problem)
            self._faults.more += file.lost_count - len(file.lost)
            if self._drain(file, size):
                yield file

    def drain(self, payload_class: PayloadClass, day: str, size: int) -> PayloadFile | None:
        """Look at a file; return it where no entry led to it, and no fault says so yet."""
        file = None if (payload_class, day) in self._files else self._new(payload_class, day)
        return file if file and (self._drain(file, size) or not file.offset) else None

    def _drain(self, file: PayloadFile, size: int) -> bool:
        """Read on up to a line that may belong behind the tree; return whether there is one."""
        while line := file.line or self._next(file):
            found = read_line(line)
            if found is None or found[0] >= size:
                file.line = b""
                return True
            if found[0] // TILE_WIDTH not in self._unread:
                self._faults.add(file.place(), f"index {found[0]} is out of its place, or comes twice")
            file.step()
        return False

    def _retention(self, index: int, payload: bytes) -> None:
        try:
            named = self._decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._faults.add(f"entry {index}", f"the record of retention cannot be read: {error}")
            return
        file = self._files.get((named.payload_class, named.day))
        if file is None or not file.lost_count:
            return
        if file.lost_count > named.entries:
            problem = f"it lets {named.entries} payloads of {file.path} go, and {file.lost_count} are missing"
            self._faults.add(f"entry {index}", problem)
        if named.payload_class == "record":
            self._faults.add(f"entry {index}", "it lets go what is kept for good")
        self.erased += file.lost_count
        file.lost, file.lost_count = [], 0

    def _new(self, payload_class: PayloadClass, day: str) -> PayloadFile | None:
        """Return another file, or None where there is none of that day, or there are too many."""
        try:
            path = payload_path(payload_class, day)
        except ValueError:
            return None
        if len(self._files) == MAX_FILES:
            return None
        file = self._files[payload_class, day] = PayloadFile(path)
        return file

    def _next(self, file: PayloadFile) -> bytes:
        """Read the next line of a file; empty at its end, or where there is none."""
        if not file.there:
            return b""
        handle = file.file or self._opened(file)
        if handle is None:
            return b""
        file.line = handle.readline(MAX_LINE_BYTES)
        file.number += 1
        return file.line

    def _opened(self, file: PayloadFile) -> BinaryIO | None:
        try:
            file.file = open_plain(self._folder / file.path, BUFFER_BYTES)
        except NotPlainError as error:
            self._faults.add(file.path, str(error))
        if file.file is None:
            file.there = False
            return None
        file.file.seek(file.offset + len(file.line))
        self._open.append(file)
        if len(self._open) > OPEN_FILES:
            self._shut(self._open.popleft())
        return file.file

    def close(self) -> None:
        """Close all files."""
        while self._open:
            self._shut(self._open.popleft())

    @staticmethod
    def _shut(file: PayloadFile) -> None:
        if file.file is not None:
            file.file.close()
            file.file = None


def _hashed(salt_text: bytes, payload: bytes) -> str | None:
    """Return the salted hash, or None where the salt is not 32 small hexadecimal digits."""
    try:
        salt = unhexlify(salt_text)
    except ValueError:
        return None
    return sha256(salt + payload).hexdigest() if hexlify(salt) == salt_text else None
