"""Reads the files of a ledger that nobody vouches for: no links, nothing but plain files, none too large."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from monitor.files import READ_FLAGS
from monitor.ledger.types import CLASSES, PayloadClass
from monitor.ledger.verify_types import Faults

MAX_DEPTH = 12  # of folders below a ledger; tile/0/x001/.../x234/067.p/5 has 11

_PAYLOADS = re.compile(r"payloads/([a-z]+)/((?:other-)?[0-9]{4}-[0-9]{2}-[0-9]{2})\.jsonl", re.ASCII)


class NotPlainError(Exception):
    """A file is a link, a folder, a device, or larger than such a file can be."""


def read_plain(path: Path, limit: int) -> bytes | None:
    """Return what stands in a file, or None where there is none. Raises NotPlainError, OSError."""
    file = open_plain(path)
    if file is None:
        return None
    with file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise NotPlainError(f"it is larger than the {limit:,} bytes that such a file can have")
        return file.read(size)  # read makes room for all that is asked for


def read_file(folder: Path, path: str, limit: int, faults: Faults) -> bytes | None:
    """Return what stands in a file of a ledger; note a fault where nothing fit does. Raises OSError."""
    try:
        data = read_plain(folder / path, limit)
    except NotPlainError as error:
        faults.add(path, str(error))
        return None
    if data is None:
        faults.add(path, "it is missing")
    return data


def open_plain(path: Path, buffering: int = -1) -> BinaryIO | None:
    """Open a plain file, or return None where there is none. Raises NotPlainError, OSError."""
    try:
        file = os.open(path, READ_FLAGS)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        if path.is_symlink():
            raise NotPlainError("it is a link, and a ledger has none") from None
        raise
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise NotPlainError("it is no plain file")
    return os.fdopen(file, "rb", buffering)


def shown(name: str) -> str:
    """Return a file's name as text, whatever bytes it is of."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def files_below(folder: Path) -> Iterator[tuple[str, bool]]:
    """Yield what stands below a ledger, by its path in it, and whether it is a plain file. In a steady order.

    Folders are gone into where a ledger has folders, and yielded where it has none. Raises OSError.
    """
    waiting = [("", 0)]
    while waiting:
        prefix, depth = waiting.pop()
        try:
            with os.scandir(folder / prefix) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except FileNotFoundError:
            continue  # the daemon removed it: it held a partial tile
        for entry in found:
            path = prefix + entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_folder and depth < MAX_DEPTH and (depth or entry.name in {"tile", "payloads"}):
                waiting.append((f"{path}/", depth + 1))
            else:
                yield path, entry.is_file(follow_symlinks=False)


def parse_payload_path(path: str) -> tuple[PayloadClass, str] | None:
    """Return the class and the day of a payload file, or None where it is another file."""
    match = _PAYLOADS.fullmatch(path)
    found = next((each for each in CLASSES if match and each == match[1]), None)
    return (found, match[2]) if match and found else None
