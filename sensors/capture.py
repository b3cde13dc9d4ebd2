"""One capture file as frames: pcap or pcapng, plain or compressed, told apart by their first bytes.

The file is read once, in chunks. What is wrong with it becomes a fault, never an exception; the frames before
the fault are kept, and those after it where the format allows to find them again.
"""

from collections.abc import Callable, Generator, Iterator
from io import FileIO
from pathlib import Path

from sensors.captured import COPY_AGAIN, FaultLog, Frame, StreamDamage
from sensors.inflate import stream_chunks
from sensors.observations import Fault
from sensors.pcap import MAGICS, PcapReader, is_pcap
from sensors.pcapng import FILE_HEADER_BYTES as _HEAD_BYTES
from sensors.pcapng import PcapngReader, is_pcapng
from sensors.pcapng_section import SECTION_MAGIC
from sensors.window import CHUNK_BYTES, Window

__all__ = ["CaptureReader", "Frame"]


class CaptureReader:
    """The frames of one file, in the file's order. Every iteration reads the file anew.

    ``progress`` is called with the size of every piece read from the disk, as it is there (compressed).
    """

    def __init__(
        self, path: Path, progress: Callable[[int], None] | None = None, chunk_bytes: int = CHUNK_BYTES
    ) -> None:
        self.path = path
        self.consumed_bytes = 0
        self._progress = progress
        self._chunk_bytes = chunk_bytes
        self._log = FaultLog(path_text(path))

    @property
    def faults(self) -> list[Fault]:
        """What went wrong in the current or last iteration."""
        return self._log.faults

    def __iter__(self) -> Generator[Frame, None, None]:
        self.consumed_bytes = 0
        self._log = FaultLog(path_text(self.path))
        try:
            file = self.path.open("rb", buffering=0)
        except (OSError, ValueError) as error:  # ValueError: a null character in the path
            self._log.add("unreadable", 0, *_open_problem(error))
            return
        with file:
            yield from self._frames(file)

    def _frames(self, file: FileIO) -> Iterator[Frame]:
        def read() -> bytes:
            try:
                piece = file.read(self._chunk_bytes) or b""
            except OSError as error:
                raise StreamDamage("corrupt", f"reading failed ({error.strerror})") from None
            self.consumed_bytes += len(piece)
            if piece and self._progress is not None:
                self._progress(len(piece))
            return piece

        window = Window(stream_chunks(read), self._chunk_bytes)
        window.fill(0, _HEAD_BYTES)
        head = window.data[:_HEAD_BYTES]
        if is_pcap(head):
            yield from PcapReader(window, self._log)
        elif is_pcapng(head):
            yield from PcapngReader(window, self._log)
        else:
            self._log.add("unreadable", 0, *_head_problem(head, window.damage))


def path_text(path: Path) -> str:
    """Return a path as one line of valid Unicode, whatever bytes the file's name is made of."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(path))


def _open_problem(error: OSError | ValueError) -> tuple[str, str]:
    """Say why a file could not be opened, and what to do."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file", "check the path"
    if isinstance(error, PermissionError):
        return "permission denied", "let the user who runs this read it"
    if isinstance(error, IsADirectoryError):
        return (
            "this folder holds no capture files",
            "name a capture file, or a folder that holds *.pcap or *.pcapng",
        )
    reason = error.strerror if isinstance(error, OSError) else "not a valid path"
    return f"it cannot be opened ({reason})", "check the path"


def _head_problem(head: bytes, damage: StreamDamage | None) -> tuple[str, str]:
    """Say why a stream that begins so cannot be read, and what to do."""
    if damage is not None and len(head) < _HEAD_BYTES:
        return f"{damage.problem} before the first packet", COPY_AGAIN
    if not head:
        return "the file is empty", "capture again, or leave it out"
    if head[:4] in MAGICS or head[:4] == SECTION_MAGIC:
        return "the file header is cut off or of an unknown version", COPY_AGAIN
    return "this is not a pcap or pcapng file", "convert it with `editcap -F pcapng`, or leave it out"
