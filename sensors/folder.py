"""A folder that rotated captures are put into: which of them are whole, and which were read already.

A capture is whole when it did not change for a while: a short one where the folder has a newer one, as tools
that rotate leave it, a longer one otherwise. They come in the order in which they were last written. What was
read is told by identity (device, inode, size, time of the last change), so that a name which is used again is
read again, and a file that got another name is not; one that grows after it was taken for whole is read
again, from its beginning. Folders in the folder are not looked into. What was read since all flows ended is
known, too: whoever lost what they left open reads it again.
"""

import os
import re
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

from sensors.capture import path_text
from sensors.live import CaptureError
from sensors.watched import Identity, Watched, absolute, load, save

QUIET_SECONDS = 1.0  # unchanged for so long, and older than another: whole
SETTLE_SECONDS = 10.0  # unchanged for so long: whole, though it is the newest
LOOK_SECONDS = 1.0  # between two looks at the folder
OPEN_BYTES = 536_870_912  # of captures, the newest, that are read again for what they left open
ENDED = "ended"  # stands for a capture where all flows ended

# x.pcap, and as tcpdump, dumpcap and Suricata rotate: x.pcap3, x_00001_2026.pcapng, log.pcap.1480018123.52,
# pcap.1.1480018123
_NAME = re.compile(r"(^|\.)(pcap|pcapng|cap|dmp)[0-9]*(\.[0-9]+)*(\.gz|\.zst)?\Z", re.IGNORECASE)
_PACKED = (".gz", ".zst")
_UNPACKED = 8  # times as long, about
_SECOND_NS = 1_000_000_000


class Capture(NamedTuple):
    """A capture that is whole. One without an identity vanished before its turn."""

    path: Path
    identity: Identity | None

    @property
    def mark(self) -> str:
        """What tells it from all others, in a word."""
        return self.identity.mark if self.identity is not None else ""


class GrowingFolder:
    """The captures of a folder, each once. ``is_there`` says whether the last look found the folder.

    What was read is kept in ``state``, for a restart; without it that is known while this lives. ``last`` is
    the mark of a capture that was read, too, or ``ENDED``. Raises CaptureError where the folder or the state
    is of no use.
    """

    def __init__(self, folder: Path, state: Path | None = None, last: str | None = None) -> None:
        if not folder.is_dir():
            raise CaptureError(f"{path_text(folder)}: there is no such folder; make it, or watch another")
        self.path = folder
        self.is_there = True
        self._state = state
        kept = load(state, folder) if state is not None else None
        kept, last = (kept, last) if kept is not None else (Watched("", []), None)
        self._read = {identity: name for name, identity in kept.read}
        self._open = set(kept.open)
        self._seen: dict[str, tuple[Identity, float]] = {}  # since when it is so
        self._whole: list[Capture] = []  # the last is next
        self._looked_seconds = float("-inf")
        self._take_last(last)
        self._save()

    def next_whole(self, now_seconds: float) -> Capture | None:
        """Return the next capture to read, if one is whole; ``now_seconds`` is any clock that goes on."""
        if not self._whole and now_seconds - self._looked_seconds >= LOOK_SECONDS:
            self._looked_seconds = now_seconds
            self._look(now_seconds)
        while self._whole:
            capture = self._whole.pop()
            identity = _identity(capture.path)
            if identity is None and not self.path.is_dir():
                self._lose()
            elif identity in (capture.identity, None):
                return capture._replace(identity=identity)
        return None

    def put_back(self, capture: Capture) -> None:
        """Have a capture come next again: it could not be read yet."""
        self._whole.append(capture)

    def mark_read(self, capture: Capture) -> None:
        """Note that a capture was read, for good. Raises CaptureError where that cannot be written."""
        if capture.identity is not None:  # else it is read when it comes back
            self._note(capture.path.name, capture.identity)
            self._save()

    def mark_ended(self) -> None:
        """Note that all flows ended. Raises CaptureError where that cannot be written."""
        self._open.clear()
        self._save()

    def left_open(self) -> list[Path]:
        """Return the captures there that were read since all flows ended, in order, the newest of them."""
        return [self.path / name for name, identity in self._found() if identity in self._open]

    def _found(self) -> list[tuple[str, Identity]]:
        """Return the captures there, in order; none where the folder is gone."""
        try:
            found = _captures(self.path)
        except OSError:
            return []
        return sorted(found.items(), key=lambda each: (each[1].changed_ns, each[0]))

    def _take_last(self, last: str | None) -> None:
        """Note what was read ahead of a crash, which the state does not tell yet."""
        if last == ENDED:
            self._open.clear()
            return
        for name, identity in self._found() if last is not None else ():
            if identity.mark == last and identity not in self._read:
                self._note(name, identity)

    def _note(self, name: str, identity: Identity) -> None:
        self._read[identity] = name
        self._open.add(identity)
        size_bytes = 0
        for each in sorted(self._open, key=lambda one: one.changed_ns, reverse=True):
            packed = self._read.get(each, "").lower().endswith(_PACKED)
            size_bytes += each.size_bytes * (_UNPACKED if packed else 1)
            if size_bytes > OPEN_BYTES:
                self._open.discard(each)

    def _lose(self) -> None:
        """Note that the folder is gone, and what was lined up with it."""
        self.is_there = False
        self._whole = []

    def _look(self, now_seconds: float) -> None:
        try:
            found = _captures(self.path)
        except OSError:
            self._lose()
            return
        self.is_there = True
        if found:  # a folder without any may be the place of a disk that is away
            self._forget(found)
        since = dict(self._seen.values())
        self._seen = {name: (identity, since.get(identity, now_seconds)) for name, identity in found.items()}
        self._whole = self._line_up(now_seconds)

    def _line_up(self, now_seconds: float) -> list[Capture]:
        """Return what is whole and unread, the first last; what comes behind a file that is not waits."""
        order = sorted(self._seen, key=lambda name: (self._seen[name][0].changed_ns, name))
        whole = []
        for name in order:
            identity, since = self._seen[name]
            if identity in self._read:
                continue
            if now_seconds - since < (SETTLE_SECONDS if name == order[-1] else QUIET_SECONDS):
                break
            whole.append(Capture(self.path / name, identity))
        return whole[::-1]

    def _forget(self, found: dict[str, Identity]) -> None:
        """Forget what was read and is gone, unless it is there in packed form: then that was read."""
        there = set(found.values())
        for identity in [identity for identity in self._read if identity not in there]:
            name = self._read.pop(identity)
            was_open = identity in self._open
            self._open.discard(identity)
            for suffix in _PACKED:
                packed = found.get(name + suffix)
                if packed is not None and _changed_second(packed) == _changed_second(identity):
                    self._read[packed] = name
                    self._open |= {packed} if was_open else set()

    def _save(self) -> None:
        """Write the state anew, whole or not at all."""
        if self._state is not None:
            read = [(name, identity) for identity, name in self._read.items()]
            save(self._state, Watched(absolute(self.path), read, sorted(self._open)))


def is_capture_name(name: str) -> bool:
    """Tell whether a capture tool may have given the name; hidden and temporary files are none of theirs."""
    return not name.startswith(".") and _NAME.search(name) is not None


def _captures(folder: Path) -> dict[str, Identity]:
    """Return the captures of a folder; one that is being packed stands for what comes of it."""
    found = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_capture_name(entry.name):
                identity = _identity(entry)
                if identity is not None:
                    found[entry.name] = identity
    return {name: identity for name, identity in found.items() if _unpacked(name) not in found}


def _identity(file: Path | os.DirEntry[str]) -> Identity | None:
    """Return the identity of a regular file; None where there is none."""
    try:
        status = file.stat()
    except OSError:
        return None
    if not S_ISREG(status.st_mode):
        return None
    return Identity(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _changed_second(identity: Identity) -> int:
    return identity.changed_ns // _SECOND_NS  # what packs keeps no more of it than that


def _unpacked(name: str) -> str | None:
    stem, dot, _ = name.rpartition(".")
    return stem if name[len(stem) :].lower() in _PACKED and dot else None
