"""Many capture files as one stream of frames in time order.

A file is opened when the time of its first packet is reached, so thousands of rotated files need few
descriptors. Frames of one file keep its order: that packets followed each other is evidence, a clock that
jumps is not.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from heapq import heappop, heappush
from pathlib import Path

from sensors.capture import CaptureReader
from sensors.captured import Frame
from sensors.observations import Fault
from sensors.paths import expand_paths
from sensors.window import CHUNK_BYTES

MAX_OPEN_FILES = 256  # that overlap in time; further ones wait until one of them ends
SMALL_CHUNK_BYTES = 65_536  # read at once while many files are open, and for a first packet's time
_FEW_FILES = 16  # that may be open with large chunks

_Opened = tuple[
    int, int, Frame, Iterator[Frame]
]  # the next frame's time, the file's rank, that frame, the rest


class MergedCaptures:
    """The frames of capture files and folders. Iterate it once.

    ``progress`` is called with the bytes consumed on the disk since its last call, every 256 KiB or so.
    """

    def __init__(self, paths: Sequence[Path], progress: Callable[[int], None] | None = None) -> None:
        self.delayed_files = 0  # overlapped too many others, and came late: their frames are out of order
        self._paths = sorted(expand_paths(paths))
        self._progress = progress
        self._readers: dict[int, CaptureReader] = {}  # by rank: the place of the path in order
        self._waiting: list[tuple[int, int]] = []  # time of the first packet, and rank; the last is next
        self._open: list[_Opened] = []  # a heap

    @property
    def faults(self) -> list[Fault]:
        """The faults met so far, in the order of the paths."""
        return [fault for rank in sorted(self._readers) for fault in self._readers[rank].faults]

    def __iter__(self) -> Iterator[Frame]:
        if len(self._paths) == 1:
            return iter(self._reader(0))
        return self._merged()

    def _merged(self) -> Iterator[Frame]:
        first_times = ((_first_time_ns(path), rank) for rank, path in enumerate(self._paths))
        self._waiting = sorted(first_times, reverse=True)
        now_ns = 0
        while self._open_due(now_ns):
            now_ns, rank, frame, frames = heappop(self._open)
            yield frame
            until_ns = self._next_other_ns()
            for frame in frames:
                if until_ns is not None and frame.ts_ns > until_ns:
                    heappush(self._open, (frame.ts_ns, rank, frame, frames))
                    break
                yield frame

    def _open_due(self, now_ns: int) -> bool:
        """Open the files whose first packet's time is reached; tell whether any file is open."""
        waiting, opened = self._waiting, self._open
        while waiting and len(opened) < MAX_OPEN_FILES and (not opened or waiting[-1][0] <= opened[0][0]):
            first_ns, rank = waiting.pop()
            self.delayed_files += 0 <= first_ns < now_ns
            frames = iter(self._reader(rank))
            frame = next(frames, None)
            if frame is not None:
                heappush(opened, (frame.ts_ns, rank, frame, frames))
        return bool(opened)

    def _next_other_ns(self) -> int | None:
        """Return the time at which another file than the one being read has a frame."""
        times = [entry[0][0] for entry in (self._open[:1], self._waiting[-1:]) if entry]
        return min(times, default=None)

    def _reader(self, rank: int) -> CaptureReader:
        chunk_bytes = CHUNK_BYTES if len(self._open) < _FEW_FILES else SMALL_CHUNK_BYTES
        reader = self._readers[rank] = CaptureReader(self._paths[rank], self._progress, chunk_bytes)
        return reader


def _first_time_ns(path: Path) -> int:
    """Return the time of a file's first packet; -1, so that it is opened at once, where that is not known.

    Only regular files are looked into: what a pipe gives can be read once only.
    """
    if not path.is_file():
        return -1
    with closing(iter(CaptureReader(path, chunk_bytes=SMALL_CHUNK_BYTES))) as frames:
        first = next(frames, None)
    return -1 if first is None else first.ts_ns
