"""What workers found, under the hash of all that it follows from: what is there is right, and is whole.

Files are written beside their places and moved there, so that a worker that dies leaves nothing half done.
Nothing here is deleted: whoever owns the folder may do that at any time between two replays.
"""

import hashlib
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TypeVar

import msgspec

from sensors.partition import Piece

T = TypeVar("T")


def address(*parts: object) -> str:
    """Return the hash of values that go into JSON."""
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


class Store:
    """A folder that all workers reach. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str, kind: str) -> Path:
        """Return where something is, or would be."""
        return self._folder / name[:2] / f"{name}.{kind}"

    def get(self, name: str, kind: type[T]) -> T | None:
        """Return a value; None where there is none, or none that can be read."""
        try:
            content = self.path(name, "msgpack").read_bytes()
            return msgspec.msgpack.decode(content, type=kind)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def put(self, name: str, value: object) -> None:
        """Keep a value."""
        write_whole(self.path(name, "msgpack"), msgspec.msgpack.encode(value))

    def blob(self, content: bytes) -> str:
        """Keep bytes; return their name."""
        name = hashlib.sha256(content).hexdigest()
        if not self.has_blob(name):
            write_whole(self.path(name, "blob"), content)
        return name

    def has_blob(self, name: str) -> bool:
        """Tell whether there are bytes of this name, and they are those."""
        try:
            return hashlib.sha256(self.read_blob(name)).hexdigest() == name
        except FileNotFoundError:
            return False

    def read_blob(self, name: str) -> bytes:
        """Return bytes by their name."""
        return self.path(name, "blob").read_bytes()

    def size_bytes(self, name: str, kind: str) -> int | None:
        """Return the size of a file; None where there is none."""
        try:
            return self.path(name, kind).stat().st_size
        except FileNotFoundError:
            return None

    def new_file(self, name: str) -> Path:
        """Return an empty file of one's own beside the place of something."""
        return _beside(self.path(name, ""))

    def keep(self, file: Path, name: str, kind: str) -> None:
        """Move a whole file to its place."""
        file.replace(self.path(name, kind))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that others may write at the same time: it is whole, and one of theirs. Raises OSError."""
    partial = _beside(path)
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    """Make an empty file of one's own in the folder of a path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{path.name[:8]}-"
    with NamedTemporaryFile(dir=path.parent, prefix=prefix, suffix=".partial", delete=False) as file:
        return Path(file.name)


def identity(path: Path, piece: Piece | None) -> str:
    """Return what tells whether a file is the one that was seen before: all but its bytes. Raises OSError."""
    about = path.stat()
    return address(str(path.resolve()), about.st_size, about.st_mtime_ns, about.st_ino, piece)
