"""What a user can do about that which workers, and this process, meet with at files and objects."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor.batch import objects
from monitor.files import InputError


@contextmanager
def mended(folder: Path) -> Iterator[None]:
    """Turn an OSError into the InputError of one line; one that names no file is of the folder of parts."""
    try:
        yield
    except OSError as error:
        problem = error.strerror or " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(str(error.filename or folder), problem, _mend(error, folder)) from None


def _mend(error: OSError, folder: Path) -> str:
    if objects.is_remote(str(error.filename)):
        return "see what is wrong there, and replay again: what was found is kept"
    if error.errno == errno.EBUSY:
        return "replay again when nothing writes to it"
    if type(error) is OSError and error.errno is None:  # what stands in a file there is not what was written
        return "delete that folder, and replay again"
    if error.errno == errno.ENOSPC and not _is_below(error.filename, folder):
        return "make room there, or choose another TMPDIR"
    return "make room, or choose a --cache that all workers reach"


def _is_below(path: object, folder: Path) -> bool:
    return path is None or Path(str(path)).resolve().is_relative_to(folder.resolve())
