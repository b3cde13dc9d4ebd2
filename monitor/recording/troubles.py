"""What hinders the thread that records, in one line with the mend. Pure."""

from monitor.files import InputError
from monitor.ledger.failures import LedgerUnusableError, mend_of
from monitor.outbox.schema import OutboxError

Trouble = OSError | OutboxError | InputError


def trouble(error: Trouble) -> str:
    """Return what is the matter, and what to do."""
    if isinstance(error, LedgerUnusableError):
        return str(error.cause)
    if not isinstance(error, OSError):
        return str(error)
    reason = (error.strerror or type(error).__name__).lower()
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{reason}; {mend_of(error)}"
