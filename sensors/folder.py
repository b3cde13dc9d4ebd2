"""A folder that rotated captures are put into: which of them are whole, and which were read already.

A capture is whole when it did not change for a while: a short one where the folder has a newer one, as tools
that rotate leave it, a longer one otherwise. They come in the order in which they were last written. What was
read is told by identity (device, inode, size, time of the last change), so that a name which is used again is
read again, and a file that got another name is not; one that grows after it was taken for whole is read
again, from its beginning. Folders in the folder are not looked into.
"""

import json
import os
import re
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

import msgspec

from sensors.capture import path_text
from sensors.live import CaptureError

QUIET_SECONDS = 1.0  # unchanged for so long, and older than another: whole
SETTLE_SECONDS = 10.0  # unchanged for so long: whole, though it is the newest
LOOK_SECONDS = 1.0  # between two looks at the folder

# x.pcap, and as tcpdump, dumpcap and Suricata rotate: x.pcap3, x_00001_2026.pcapng, log.pcap.1480018123.52,
# pcap.1.1480018123
_NAME = re.compile(r"(^|\.)(pcap|pcapng|cap|dmp)[0-9]*(\.[0-9]+)*(\.gz|\.zst)?\Z", re.IGNORECASE)
_PACKED = (".gz", ".zst")
_SECOND_NS = 1_000_000_000


class Identity(NamedTuple):
    """What tells a file, as it was written last, from all others."""

    device: int
    inode: int
    size_bytes: int
    changed_ns: int


class Capture(NamedTuple):
    """A capture that is whole. One without an identity vanished before its turn."""

    path: Path
    identity: Identity | None


class _State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the state file holds: the captures of the folder that were read, by name."""

    folder: str
    read: list[tuple[str, Identity]]


class GrowingFolder:
    """The captures of a folder, each once. ``is_there`` says whether the last look found the folder.

    What was read is kept in ``state``, for a restart; without it that is known while this lives. Raises
    CaptureError where the folder or the state is of no use.
    """

    def __init__(self, folder: Path, state: Path | None = None) -> None:
        if not folder.is_dir():
            raise CaptureError(f"{path_text(folder)}: there is no such folder; make it, or watch another")
        self.path = folder
        self.is_there = True
        self._state = state
        self._read = _load(state, folder) if state is not None else {}
        self._seen: dict[str, tuple[Identity, float]] = {}  # since when it is so
        self._whole: list[Capture] = []  # the last is next
        self._looked_seconds = float("-inf")
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

    def mark_read(self, capture: Capture) -> None:
        """Note that a capture was read, for good. Raises CaptureError where that cannot be written."""
        if capture.identity is not None:  # else it is read when it comes back
            self._read[capture.identity] = capture.path.name
            self._save()

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
            for suffix in _PACKED:
                packed = found.get(name + suffix)
                if packed is not None and _changed_second(packed) == _changed_second(identity):
                    self._read[packed] = name

    def _save(self) -> None:
        """Write the state anew, whole or not at all."""
        if self._state is None:
            return
        read = [[name, identity] for identity, name in self._read.items()]
        draft = self._state.with_name(self._state.name + ".new")
        try:
            draft.unlink(missing_ok=True)  # it may be a link, and whoever is to write here may be root
            with draft.open("x", encoding="ascii") as file:
                json.dump({"folder": _absolute(self.path), "read": read}, file)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._state)
        except OSError as error:
            raise CaptureError(
                f"{path_text(self._state)}: it cannot be written ({error.strerror}); "
                "without it, captures are read again after a restart"
            ) from None


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


def _absolute(path: Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100  links stay as they are named


def _load(state: Path, folder: Path) -> dict[Identity, str]:
    """Return what the state file says was read: nothing where there is none, or it is of another folder."""
    try:
        kept = msgspec.convert(json.loads(state.read_text(encoding="ascii")), _State)
    except FileNotFoundError:
        return {}
    except OSError as error:
        problem = f"it cannot be read ({error.strerror}); let the user who runs this read and write it"
        raise CaptureError(f"{path_text(state)}: {problem}") from None
    except (ValueError, RecursionError):
        problem = "it is damaged; remove it, and the whole folder is read again"
        raise CaptureError(f"{path_text(state)}: {problem}") from None
    return {identity: name for name, identity in kept.read} if kept.folder == _absolute(folder) else {}
