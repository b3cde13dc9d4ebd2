"""What the system's errors mean for a ledger: one line, with the mend."""

import errno
from pathlib import Path

from monitor.files import InputError

_MENDS = {
    errno.ENOSPC: "make room, or shorten ledger.retention_days",
    errno.EDQUOT: "raise the quota, or shorten ledger.retention_days",
    errno.EROFS: "mount it writable",
    errno.EACCES: "give this user the right to write there",
    errno.EPERM: "give this user the right to write there",
    errno.ENOENT: "put the folder back",
    errno.ELOOP: "put the file itself in the place of the symbolic link",
    errno.EMFILE: "raise the limit of open files",
}


class LedgerUnusableError(OSError):
    """A ledger could not be opened: ``cause`` says it with the mend. It may be tried again."""

    def __init__(self, cause: InputError) -> None:
        super().__init__(errno.EIO, cause.problem, cause.path)
        self.cause = cause


def unusable(error: OSError, path: Path) -> InputError:
    """Return the error as the one line that people see."""
    reason = (error.strerror or type(error).__name__).lower()
    return InputError(str(error.filename or path), reason, mend_of(error))


def mend_of(error: OSError) -> str:
    """Return what to do about an error of the system."""
    return _MENDS.get(error.errno or 0, "check the disk")


def damaged(path: Path | str, problem: str) -> InputError:
    """Return what is said of a ledger that is not as it was written."""
    return InputError(
        str(path), problem, "restore the ledger from a backup, or move it away to begin another"
    )
