"""Which capture files a user means: files as named, folders walked for what capture tools write."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

# x.pcap, x.pcap.gz, and as tcpdump and dumpcap rotate: x.pcap0, x.pcap12, x.pcap.1, x.pcap.1.zst
_CAPTURE_NAME = re.compile(r"\.(pcap|pcapng|cap|dmp)(\.?[0-9]+)?(\.gz|\.zst)?$", re.IGNORECASE)


def expand_paths(paths: Iterable[Path]) -> list[Path]:
    """Return the files to read, each once whatever its links, in the order named and sorted within a folder.

    What is named is taken, whatever its name. A folder that cannot be listed, or holds no capture, stands
    for itself: reading it gives the fault that says so.
    """
    files: dict[object, Path] = {}
    for path in paths:
        found = list(_walk(path)) if path.is_dir() else [path]
        for file in found or [path]:
            files.setdefault(_identity(file), file)
    return list(files.values())


def is_capture_name(name: str) -> bool:
    """Tell whether a capture tool may have given the name."""
    return _CAPTURE_NAME.search(name) is not None


def _identity(file: Path) -> object:
    """Return what tells a file from others: its place on the disk, or its path where it has none."""
    try:
        status = file.stat()
    except OSError:
        return os.path.realpath(file)
    return status.st_dev, status.st_ino


def _walk(folder: Path) -> Iterator[Path]:
    unlisted: list[OSError] = []
    for place, folders, names in os.walk(folder, onerror=unlisted.append):
        folders.sort()
        for name in sorted(names):
            file = Path(place, name)
            if is_capture_name(name) and file.is_file():
                yield file
    for error in unlisted:
        yield Path(error.filename)
