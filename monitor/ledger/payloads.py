"""Reads payload files in step with the entries of a ledger, from any index on, in bounded memory.

The lines of a file have rising indices. So each file is read once, from the first line on that is wanted,
found by halving. A payload that is not there was erased; a line that is not as it was written is damage.
"""

import os
from collections import OrderedDict
from pathlib import Path
from typing import IO, NamedTuple

from monitor.files import READ_FLAGS, InputError, unreadable
from monitor.ledger.batch import MAX_PAYLOAD_BYTES
from monitor.ledger.failures import damaged
from monitor.ledger.names import payload_path
from monitor.ledger.types import PayloadClass

MAX_LINE_BYTES = MAX_PAYLOAD_BYTES + 128
MAX_OPEN = 64  # files at once; another one closes the one that was asked for longest ago

_INDEX, _SALT, _PAYLOAD, _END = b'{"index":', b',"salt":"', b'","payload":', b"}\n"
_NEAR_BYTES = 65_536  # where halving ends, and lines are read one by one


class Line(NamedTuple):
    """A line of a payload file."""

    at: int  # the entry's index
    salt: bytes
    payload: bytes


class Payloads:
    """The payload files of a ledger. Ask for entries in rising order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: OrderedDict[tuple[PayloadClass, str], _File | None] = OrderedDict()

    def take(self, index: int, payload_class: PayloadClass, day: str) -> Line | None:
        """Return the line of an entry, or None where there is none any more. Raises InputError."""
        key = payload_class, day
        if key in self._open:
            file = self._open[key]
            self._open.move_to_end(key)
        else:
            file = self._open[key] = self._opened(key, index)
        return file.take(index) if file else None

    def close(self) -> None:
        """Close all files."""
        for file in self._open.values():
            if file:
                file.close()
        self._open.clear()

    def _opened(self, key: tuple[PayloadClass, str], index: int) -> "_File | None":
        if len(self._open) >= MAX_OPEN:
            _, file = self._open.popitem(last=False)
            if file:
                file.close()
        path = self._folder / payload_path(*key)
        try:
            opened = os.fdopen(os.open(path, READ_FLAGS), "rb", 262_144)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unreadable(path, error) from None
        try:
            return _File(path, opened, index)
        except InputError:
            opened.close()
            raise


class _File:
    """One file, and the line that is next."""

    def __init__(self, path: Path, file: IO[bytes], index: int) -> None:
        self._path = path
        self._file = file
        self._tail = b""  # what stands behind the last line break
        self._last = -1
        self._end = self._found(index)  # of the next line
        self._file.seek(self._end)
        self._line = self._read()

    def take(self, index: int) -> Line | None:
        """Return the line of ``index``, and go on behind it; None where the next line is a later one."""
        while (line := self._line) is not None and line.at <= index:
            self._line = self._read()
            if line.at == index:
                return line
        if self._tail.startswith(b"%s%d," % (_INDEX, index)):
            raise self._damaged(self._end - len(self._tail))
        return None

    def close(self) -> None:
        self._file.close()

    def _read(self) -> Line | None:
        """Return the next line; None at the end, where a half line is one that is being written."""
        try:
            data = self._file.readline(MAX_LINE_BYTES)
        except OSError as error:
            raise unreadable(self._path, error) from None
        start, self._end = self._end, self._end + len(data)
        if data[-1:] != b"\n" and len(data) < MAX_LINE_BYTES:
            self._tail = data
            return None
        line = parse_line(data)
        if line is None or line.at <= self._last:
            raise self._damaged(start)
        self._last = line.at
        return line

    def _found(self, index: int) -> int:
        """Return an offset at which a line begins, near before the first one that is not below ``index``."""
        low, high = 0, os.fstat(self._file.fileno()).st_size
        while high - low > _NEAR_BYTES:
            middle = (low + high) // 2
            self._file.seek(middle)
            start = middle + len(self._file.readline(MAX_LINE_BYTES))
            data = self._file.readline(MAX_LINE_BYTES)
            line = parse_line(data)
            if start >= high or not data.endswith(b"\n"):
                high = middle
            elif line is None:
                raise self._damaged(start)
            elif line.at < index:
                low = start
            else:
                high = middle
        return low

    def _damaged(self, offset: int) -> InputError:
        return damaged(self._path, f"offset {offset}: not the line that should stand there")


def parse_line(data: bytes) -> Line | None:
    """Return what a line says, or None where it is not spelt as a ledger does. Its JSON is not checked."""
    comma = data.find(b",", len(_INDEX), len(_INDEX) + 20)
    number = data[len(_INDEX) : comma]
    salt_at = comma + len(_SALT)
    payload_at = salt_at + 32 + len(_PAYLOAD)
    is_spelt = (
        comma > 0
        and data.startswith(_INDEX)
        and number.isdigit()
        and (number[:1] != b"0" or number == b"0")
        and data[comma:salt_at] == _SALT
        and data[salt_at + 32 : payload_at] == _PAYLOAD
        and data[-2:] == _END
    )
    if not is_spelt:
        return None
    digits = data[salt_at : salt_at + 32]
    try:
        salt = bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        return None
    if salt.hex().encode() != digits:
        return None
    return Line(int(number), salt, data[payload_at:-2])
