"""Finds a cgroup2 directory by its number, which is the directory's inode (cgroups(7)).

The tree is read once at the start and then only where a number is missed, `STEP` directories at a time: a
great tree is read over several questions. A number is never used again, so what was found stays true.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

MAX_CGROUPS = 16_384  # directories that are known at a time
STEP = 256  # directories read at a miss
MAX_PIDS_BYTES = 8_192  # of a cgroup's list of processes

MOUNTS = Path("/proc/self/mountinfo")

_OCTAL = re.compile(rb"\\([0-7]{3})")


def cgroup_mount(mountinfo: bytes) -> Path | None:
    """Return where the cgroup2 tree is mounted, the whole of it if that is (proc_pid_mountinfo(5))."""
    found: dict[bytes, bytes] = {}
    for line in mountinfo.splitlines():
        before, _, behind = line.partition(b" - ")
        fields = before.split(b" ")
        if behind.startswith(b"cgroup2 ") and len(fields) > 4:
            found.setdefault(fields[3], fields[4])
    if not found:
        return None
    where = found.get(b"/", next(iter(found.values())))
    return Path(os.fsdecode(_OCTAL.sub(lambda code: bytes([int(code[1], 8) & 0xFF]), where)))


class Cgroups:
    """The cgroup2 tree under its mount; without one nothing is found."""

    def __init__(self, mount: Path | None) -> None:
        self._mount = mount
        self._known: dict[int, str] = {}
        self._walk = self._read()
        self._step(MAX_CGROUPS)

    def path(self, number: int) -> str | None:
        """Return a cgroup's path from the mount, "/" for the root; null where it is gone or not yet read."""
        if number not in self._known:
            self._step(STEP)
        return self._known.get(number)

    def pids(self, path: str) -> list[int]:
        """Return the processes of a cgroup that can be seen from here; none for the root, which is all."""
        if self._mount is None or path == "/":
            return []
        try:
            with Path(f"{self._mount}{path}", "cgroup.procs").open("rb") as file:
                lines = file.read(MAX_PIDS_BYTES).rpartition(b"\n")[0].split()
        except OSError:  # it ended, or it holds threads and not processes
            return []
        return [pid for pid in map(int, lines) if pid]

    def _step(self, directories: int) -> None:
        """Read some more of the tree; begin again once it is read."""
        for _ in range(directories):
            if next(self._walk, None) is None:
                self._walk = self._read()
                return

    def _read(self) -> Iterator[str]:
        """Read one directory a step. At the end only those stay known that were seen on the way."""
        if self._mount is None:
            return
        seen: dict[int, str] = {}
        left = [(_inode(self._mount), "/")]
        while left and len(seen) < MAX_CGROUPS:
            number, path = left.pop()
            seen[number] = self._known[number] = path
            room = MAX_CGROUPS - len(left)
            left.extend(_children(self._mount, path, room))
            yield path
        self._known = seen


def _inode(mount: Path) -> int:
    try:
        return mount.stat().st_ino
    except OSError:
        return 0


def _children(mount: Path, path: str, room: int) -> list[tuple[int, str]]:
    """Return the numbers and paths of the directories in one, no more than there is room for."""
    found: list[tuple[int, str]] = []
    try:
        with os.scandir(f"{mount}{path}") as entries:
            for entry in entries:
                if len(found) < room and entry.is_dir(follow_symlinks=False):
                    found.append((entry.inode(), f"{path.rstrip('/')}/{entry.name}"))
    except OSError:  # it ended meanwhile
        return found
    return found
