"""The one ZIP file that given members make (PKWARE's APPNOTE): stored, undated, in the order of their names.

It is written here byte by byte, because whoever verifies has to make the same bytes again: so every byte of
the file counts, and nothing can hide between members, in their headers or behind the end. What any other
program packed is refused, even with the same content.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import IO, Final, Self

import msgspec

from monitor.bundle.members import MAX_LINE_BYTES, MAX_SMALL_BYTES, NAMES
from monitor.files import unreadable

MAX_BYTES: Final = (1 << 31) - 1  # of a bundle: below what needs ZIP64
CHUNK_BYTES: Final = 262_144

_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END = struct.Struct("<IHHHHIIH")
_LOCAL_MAGIC, _CENTRAL_MAGIC, _END_MAGIC = 0x04034B50, 0x02014B50, 0x06054B50
_VERSION, _UNIX = 10, 3 << 8
_DATE = 0x21  # 1980-01-01, the first that a ZIP file can say
_MODE = 0o100644 << 16
_MAX_NAME_BYTES = max(map(len, NAMES))


class ArchiveError(Exception):
    """A file that is no bundle, or one that was altered: where, and what is wrong there."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem


class Member(msgspec.Struct, frozen=True):
    """A member: where its content starts in the file, how long it is, and its checksums."""

    name: str
    start: int
    bytes: int
    crc: int
    sha256: str


def write_archive(out: IO[bytes], parts: Sequence[tuple[str, IO[bytes]]]) -> str:
    """Write members, each read from its beginning; return the archive's SHA-256. Raises OSError, ValueError.

    ValueError says that it would be larger than MAX_BYTES; nothing was written then.
    """
    ordered = sorted(parts, key=lambda part: part[0])
    members, at = [], 0
    for name, content in ordered:
        start = at + _LOCAL.size + len(name)
        members.append(_measured(name, start, content))
        at = start + members[-1].bytes
    if at + sum(_CENTRAL.size + len(member.name) for member in members) + _END.size > MAX_BYTES:
        raise ValueError(f"it would be larger than {MAX_BYTES:,} bytes")
    digest = sha256()
    for member, (_, content) in zip(members, ordered, strict=True):
        _put(out, digest, _local(member.name, member.bytes, member.crc))
        content.seek(0)
        while chunk := content.read(CHUNK_BYTES):
            _put(out, digest, chunk)
    _put(out, digest, _directory(members, at))
    return digest.hexdigest()


class Archive:
    """A bundle's file, open to read. All of its bytes but the members' content were checked."""

    def __init__(self, path: Path) -> None:
        """Open it and read it once. Raises ArchiveError, InputError."""
        self.path = path
        try:
            if not path.is_file() and path.exists():
                raise ArchiveError(str(path), "no file")
            self._file = path.open("rb")
        except OSError as error:
            raise unreadable(path, error) from None
        try:
            self.bytes = path.stat().st_size
            self.members: dict[str, Member] = self._read()
        except OSError as error:
            self._file.close()
            raise unreadable(path, error) from None
        except ArchiveError:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def small(self, name: str) -> bytes:
        """Return the content of a member of at most MAX_SMALL_BYTES. Raises ArchiveError, OSError."""
        member = self.members[name]
        if member.bytes > MAX_SMALL_BYTES:
            raise ArchiveError(name, f"larger than {MAX_SMALL_BYTES:,} bytes")
        self._file.seek(member.start)
        return self._file.read(member.bytes)

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the content of a member in pieces. Raises OSError."""
        member = self.members[name]
        at, end = member.start, member.start + member.bytes
        while at < end:
            self._file.seek(at)
            piece = self._file.read(min(CHUNK_BYTES, end - at))
            if not piece:
                return
            at += len(piece)
            yield piece

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a member without their ends. Raises ArchiveError, OSError."""
        rest = b""
        for number, line in enumerate(self._lines(name), 1):
            if len(line) > MAX_LINE_BYTES:
                raise ArchiveError(f"{name}, line {number}", f"longer than {MAX_LINE_BYTES:,} bytes")
            rest = line
            if line.endswith(b"\n"):
                yield line[:-1]
        if rest and not rest.endswith(b"\n"):
            raise ArchiveError(name, "does not end in a line end")

    def _lines(self, name: str) -> Iterator[bytes]:
        member = self.members[name]
        at, end = member.start, member.start + member.bytes
        while at < end:
            self._file.seek(at)
            line = self._file.readline(min(MAX_LINE_BYTES + 1, end - at))
            if not line:
                return
            at += len(line)
            yield line

    def _read(self) -> dict[str, Member]:
        if self.bytes > MAX_BYTES:
            raise ArchiveError(str(self.path), f"larger than {MAX_BYTES:,} bytes: no bundle")
        members: dict[str, Member] = {}
        at = 0
        while (member := self._member(at, members)) is not None:
            members[member.name] = member
            at = member.start + member.bytes
        expected = _directory(list(members.values()), at)
        self._file.seek(at)
        found = self._file.read(len(expected) + 1)
        if found != expected:
            differs = next((i for i, pair in enumerate(zip(found, expected)) if pair[0] != pair[1]), None)  # noqa: B905
            where = at + (min(len(found), len(expected)) if differs is None else differs)
            raise ArchiveError(f"byte {where}", "the archive's directory is not as a bundle's is written")
        return members

    def _member(self, at: int, before: dict[str, Member]) -> Member | None:
        """Return the member whose header begins there; None where the directory does."""
        self._file.seek(at)
        head = self._file.read(_LOCAL.size + _MAX_NAME_BYTES)
        if len(head) < _LOCAL.size:
            if head[:4] == struct.pack("<I", _END_MAGIC):
                raise ArchiveError(str(self.path), "an empty archive")
            raise ArchiveError(f"byte {at}", "this is not a bundle, or it was cut off")
        magic, *_, crc, _, size, name_bytes, _ = _LOCAL.unpack_from(head)
        if magic == _CENTRAL_MAGIC and before:
            return None
        raw = head[_LOCAL.size : _LOCAL.size + name_bytes]
        name = next((known for known in NAMES if known.encode() == raw), None)
        if magic != _LOCAL_MAGIC or name is None:
            raise ArchiveError(f"byte {at}", "what should be the header of a member is none of a bundle")
        start = at + _LOCAL.size + len(name)
        if head[: start - at] != _local(name, size, crc):
            raise ArchiveError(f"header of {name}", "not as a bundle's is written")
        if before and name <= max(before):
            raise ArchiveError(f"header of {name}", "it is there twice, or not in its place")
        if start + size > self.bytes:
            raise ArchiveError(name, "the file ends inside it")
        self._file.seek(start)
        member = _measured(name, start, self._file, size)
        if member.crc != crc:
            raise ArchiveError(name, "its content was altered: the checksum differs")
        return member


def _measured(name: str, start: int, content: IO[bytes], size: int | None = None) -> Member:
    """Return a member by what its content is: all that there is from the beginning, or ``size`` from here."""
    if size is None:
        content.seek(0)
    crc, digest, read = 0, sha256(), 0
    while chunk := content.read(CHUNK_BYTES if size is None else min(CHUNK_BYTES, size - read)):
        crc = zlib.crc32(chunk, crc)
        digest.update(chunk)
        read += len(chunk)
    return Member(name, start, read, crc, digest.hexdigest())


def measured(content: IO[bytes]) -> tuple[int, str]:
    """Return how long a content is, and its SHA-256. Raises OSError."""
    member = _measured("", 0, content)
    return member.bytes, member.sha256


def _local(name: str, size: int, crc: int) -> bytes:
    """Return a local file header (APPNOTE, section 4.3.7)."""
    return _LOCAL.pack(_LOCAL_MAGIC, _VERSION, 0, 0, 0, _DATE, crc, size, size, len(name), 0) + name.encode()


def _directory(members: Sequence[Member], at: int) -> bytes:
    """Return the central directory and its end (APPNOTE, sections 4.3.12 and 4.3.16)."""
    rows = b"".join(
        _CENTRAL.pack(
            _CENTRAL_MAGIC, _UNIX | _VERSION, _VERSION, 0, 0, 0, _DATE, each.crc, each.bytes, each.bytes,
            len(each.name), 0, 0, 0, 0, _MODE, each.start - _LOCAL.size - len(each.name),
        ) + each.name.encode()
        for each in members
    )  # fmt: skip
    return rows + _END.pack(_END_MAGIC, 0, 0, len(members), len(members), len(rows), at, 0)


def _put(out: IO[bytes], digest: "sha256", data: bytes) -> None:  # type: ignore[valid-type]
    out.write(data)
    digest.update(data)  # type: ignore[attr-defined]
