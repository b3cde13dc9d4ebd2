"""The journal: what makes a batch durable before it is applied, with one write and one fsync.

A record is the length of its body (8 bytes, big-endian), the SHA-256 of the body, and the body. What does not
fit its length or hash is the end that a crash tore off: nobody was told that it stands there. The file is the
lock, too, that keeps a second writer out.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from monitor.ledger.disk import write_all
from monitor.ledger.lock import lock_file

HEAD_BYTES = 40  # of a record: the length of its body, and the hash

_LENGTH = 8
_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Journal:
    """Records in a file. ``bytes`` is how long it is; what stands behind that, ``torn_bytes``, is cut off."""

    def __init__(self, path: Path) -> None:
        """Open it, or make it, and take the lock. Raises InputError where another process has it, OSError."""
        self.path = path
        self.bytes = self.torn_bytes = 0
        self._torn = False
        self._file = lock_file(path, "another process")

    def check(self) -> None:
        """Raise OSError where the file is no longer in its place: its folder was renamed, or removed."""
        with suppress(FileNotFoundError, NotADirectoryError):
            if os.path.samestat(os.fstat(self._file), self.path.lstat()):
                return
        problem = "the folder of the ledger was renamed, removed or put in the place of another one"
        raise OSError(errno.ENOENT, problem, str(self.path.parent))

    def is_empty(self) -> bool:
        """Tell whether nothing at all stands in the file. Raises OSError."""
        return not os.fstat(self._file).st_size

    def records(self) -> Iterator[bytes]:
        """Yield the bodies; at their end ``bytes`` and ``torn_bytes`` are known. Raises OSError."""
        self.bytes = 0
        size = os.fstat(self._file).st_size
        while (body := self._read(self.bytes, size)) is not None:
            self.bytes += HEAD_BYTES + len(body)
            yield body
        self.torn_bytes = size - self.bytes
        self._torn = self.torn_bytes > 0

    def cut_torn(self) -> None:
        """Cut off what stands behind the last whole record. Raises OSError."""
        if self._torn:
            with self._writing() as file:
                os.ftruncate(file, self.bytes)
                os.fsync(file)
            self._torn = False

    def append(self, body: Sequence[bytes]) -> None:
        """Have the disk hold a record, whose body comes in parts. Raises OSError; then it does not stand there.

        Where it cannot even be cut off again, that is done before anything else is appended.
        """
        self.cut_torn()
        digest, length = sha256(), sum(map(len, body))
        for part in body:
            digest.update(part)
        end = self.bytes
        self._torn = True
        try:
            with self._writing() as file:
                for part in (length.to_bytes(_LENGTH) + digest.digest(), *body):
                    write_all(file, part, end)
                    end += len(part)
                os.fsync(file)
        except OSError:
            with suppress(OSError):
                self.cut_torn()
            raise
        self._torn = False
        self.bytes = end

    def empty(self) -> None:
        """Have the disk hold an empty file. Raises OSError."""
        if self.bytes or self._torn:
            self.bytes, self._torn = 0, True
            self.cut_torn()

    def close(self) -> None:
        """Let the lock go."""
        os.close(self._file)

    @contextmanager
    def _writing(self) -> Iterator[int]:
        """Open the file to write: that one which is locked, or none."""
        file = os.open(self.path, os.O_WRONLY | _FLAGS)
        try:
            if not os.path.samestat(os.fstat(self._file), os.fstat(file)):
                self.check()
            yield file
        except OSError as error:
            error.filename = error.filename or str(self.path)
            raise
        finally:
            os.close(file)

    def _read(self, offset: int, size: int) -> bytes | None:
        """Return the body of the record at ``offset``, or None where no whole one stands there."""
        head = os.pread(self._file, HEAD_BYTES, offset)
        length = int.from_bytes(head[:_LENGTH])
        if len(head) < HEAD_BYTES or length > size - offset - HEAD_BYTES:
            return None
        body = _read_all(self._file, length, offset + HEAD_BYTES)
        return body if sha256(body).digest() == head[_LENGTH:] else None


def _read_all(file: int, count: int, offset: int) -> bytes:
    parts = []
    while count and (part := os.pread(file, count, offset)):
        parts.append(part)
        count, offset = count - len(part), offset + len(part)
    return b"".join(parts)
