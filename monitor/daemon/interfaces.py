"""What interfaces lost before the kernel saw it: a ring of the card that overran, a buffer that was missing.

Counters are read from sysfs (Documentation/ABI/testing/sysfs-class-net-statistics). Their files are opened at
the start, so that a confined process reads them too.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

NET = Path("/sys/class/net")
COUNTERS = ("rx_missed_errors", "rx_fifo_errors")
_BYTES = 32  # a number, and a line's end


class Interfaces:
    """Keeps the counters' files open. An interface without any, or that went away, counts nothing."""

    def __init__(self, names: Iterable[str], net: Path = NET) -> None:
        self._files: list[tuple[str, int]] = []
        for name in names:
            for counter in COUNTERS:
                with suppress(OSError):
                    path = net / name / "statistics" / counter
                    self._files.append((name, os.open(path, os.O_RDONLY | os.O_CLOEXEC)))
        self._seen = [_read(file) for _, file in self._files]

    def lost(self) -> Iterator[tuple[str, int]]:
        """Yield the interfaces that lost packets since the last call, with how many."""
        for index, (name, file) in enumerate(self._files):
            now = _read(file)
            if now is None:
                continue
            before, self._seen[index] = self._seen[index], now
            if before is not None and now > before:
                yield name, now - before

    def close(self) -> None:
        """Close the files."""
        for _, file in self._files:
            os.close(file)


def _read(file: int) -> int | None:
    """Return a counter; None where its interface is gone."""
    try:
        return int(os.pread(file, _BYTES, 0))
    except (OSError, ValueError):
        return None
