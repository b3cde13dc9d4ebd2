"""What is kept of a folder that is watched: which captures were read, and which of them left flows open."""

import json
import os
from pathlib import Path
from typing import NamedTuple

import msgspec

from sensors.capture import path_text
from sensors.live import CaptureError


class Identity(NamedTuple):
    """What tells a file, as it was written last, from all others."""

    device: int
    inode: int
    size_bytes: int
    changed_ns: int

    @property
    def mark(self) -> str:
        """The same in a word."""
        return ":".join(map(str, self))


class Watched(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The captures of a folder that were read, by name, and those of them read since all flows ended."""

    folder: str
    read: list[tuple[str, Identity]]
    open: list[Identity] = []


def load(state: Path, folder: Path) -> Watched | None:
    """Return what a file keeps: None where there is none, or it is of another folder. Raises CaptureError."""
    try:
        kept = msgspec.convert(json.loads(state.read_text(encoding="ascii")), Watched)
    except FileNotFoundError:
        return None
    except OSError as error:
        problem = f"it cannot be read ({error.strerror}); let the user who runs this read and write it"
        raise CaptureError(f"{path_text(state)}: {problem}") from None
    except (ValueError, RecursionError):
        problem = "it is damaged; remove it, and the whole folder is read again"
        raise CaptureError(f"{path_text(state)}: {problem}") from None
    return kept if kept.folder == absolute(folder) else None


def save(state: Path, kept: Watched) -> None:
    """Write a file anew, whole or not at all. Raises CaptureError."""
    draft = state.with_name(state.name + ".new")
    try:
        draft.unlink(missing_ok=True)  # it may be a link, and whoever is to write here may be root
        with draft.open("x", encoding="ascii") as file:
            json.dump(msgspec.to_builtins(kept), file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(state)
    except OSError as error:
        raise CaptureError(
            f"{path_text(state)}: it cannot be written ({error.strerror}); "
            "without it, captures are read again after a restart"
        ) from None


def absolute(path: Path) -> str:
    """Return a path as it is named: links stay."""
    return os.path.abspath(path)  # noqa: PTH100  links stay as they are named
