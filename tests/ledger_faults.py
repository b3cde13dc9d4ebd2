"""A disk that fails at a chosen call, and one that loses power: for the tests of the ledger's writer.

While either is in place it stands between the ledger and the system's calls.
"""

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CALLS = ("pwrite", "fsync", "ftruncate", "replace", "unlink", "mkdir")


class CrashError(BaseException):
    """The process is gone: nothing catches this."""


@contextmanager
def failing(fails: Callable[[int], BaseException | None]) -> Iterator[list[int]]:
    """Ask ``fails`` before each call that writes, with its number; what it returns is raised instead.

    A write that fails has written half. Gives the count of calls so far.
    """
    real = {name: getattr(os, name) for name in CALLS}
    count = [0]

    def wrapped(name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            error = fails(count[0])
            count[0] += 1
            if error is None:
                return real[name](*arguments, **options)
            if name == "pwrite":
                file, data, offset = arguments
                real[name](file, data[: len(data) // 2], offset)
            raise error

        return call

    try:
        for name in CALLS:
            setattr(os, name, wrapped(name))
        yield count
    finally:
        for name, call in real.items():
            setattr(os, name, call)


class PowerLoss:
    """Knows what the disk surely holds of a folder: what an fsync had, of a file or of a folder's names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, bytes] = {}
        self._replaced: dict[
            str, bytes | None
        ] = {}  # what the disk holds of a file that took another's place
        self._names: dict[str, set[str]] = {str(folder.parent): {folder.name}}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note what each fsync makes durable, and which files took the place of others."""
        real_fsync, real_replace = os.fsync, os.replace

        def fsync(file: int) -> None:
            real_fsync(file)
            self._fsynced(os.readlink(f"/proc/self/fd/{file}"))

        def replace(source: str, target: str) -> None:
            real_replace(source, target)
            self._replaced[target] = self._files.pop(source, None)

        os.fsync, os.replace = fsync, replace  # type: ignore[assignment]
        try:
            yield
        finally:
            os.fsync, os.replace = real_fsync, real_replace

    def survivor(self, to: Path, chance: random.Random) -> None:
        """Write to a folder what the disk may hold after power was lost: one case of many."""
        now = {str(path): path.read_bytes() for path in self._folder.rglob("*") if path.is_file()}
        for path in sorted({*now, *self._files}):
            found = chance.choice(self._what_may_be_left(path, now.get(path), chance))
            if found is not None:
                target = to / Path(path).relative_to(self._folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(found)

    def _fsynced(self, path: str) -> None:
        if Path(path).is_dir():
            self._names[path] = set(os.listdir(path))
            for replaced in [each for each in self._replaced if os.path.dirname(each) == path]:
                self._files[replaced] = self._replaced.pop(replaced) or b""
        elif path in self._replaced:
            self._replaced[path] = Path(path).read_bytes()
        else:
            self._files[path] = Path(path).read_bytes()

    def _what_may_be_left(self, path: str, now: bytes | None, chance: random.Random) -> list[bytes | None]:
        is_named, old = self._is_named(path), self._files.get(path)
        held = self._replaced[path] if path in self._replaced else old
        may = [now] if is_named else [now, None]
        if old is not None and is_named:
            may.append(old)
        if now is not None and now != held:
            kept = len(held) if held is not None and now.startswith(held) else 0
            cut = chance.randint(kept, len(now))
            may += [now[:cut], now[:cut] + bytes(len(now) - cut)]
        return may

    def _is_named(self, path: str) -> bool:
        """Tell whether the disk holds the file's name, and those of the folders above it."""
        while path != str(self._folder.parent):
            parent, name = os.path.split(path)
            if name not in self._names.get(parent, ()):
                return False
            path = parent
        return True
