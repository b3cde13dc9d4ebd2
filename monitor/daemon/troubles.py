"""What hinders the thread that records, in one line with the mend. Pure."""

import errno

from monitor.files import InputError
from monitor.ledger.failures import LedgerUnusableError
from monitor.outbox.schema import OutboxError

_MENDS = {
    errno.ENOSPC: "make room, or shorten ledger.retention_days",
    errno.EDQUOT: "raise the quota, or shorten ledger.retention_days",
    errno.EROFS: "mount it writable",
    errno.EACCES: "give the daemon's user the right to write there",
    errno.EPERM: "give the daemon's user the right to write there",
    errno.ENOENT: "put the folder back",
}


Trouble = OSError | OutboxError | InputError


def trouble(error: Trouble) -> str:
    """Return what is the matter, and what to do."""
    if isinstance(error, LedgerUnusableError):
        return str(error.cause)
    if not isinstance(error, OSError):
        return str(error)
    reason = (error.strerror or type(error).__name__).lower()
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{reason}; {_MENDS.get(error.errno or 0, 'check the disk')}"
