"""A ledger below a limit of file sizes, which is then lifted: run by test_ledger_writer.py.

Prints how many entries were acknowledged and how many appends were refused.
"""

import resource
import sys
from pathlib import Path

from monitor.ledger import writer as writer_module
from tests.records_kit import record, writer

LIMIT = 30_000


def main() -> None:
    writer_module.JOURNAL_BYTES = 20_000
    ledger = writer(Path(sys.argv[1]))
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, hard))
    refused = 0
    for _ in range(100):
        refused += not appended(ledger, 7)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert appended(ledger, 7)
    ledger.close()
    print(ledger.size, refused)


def appended(ledger: writer_module.LedgerWriter, count: int) -> bool:
    """Append; return whether that was acknowledged."""
    size = ledger.size
    try:
        ledger.append([record(size + at, padding=50) for at in range(count)])
    except OSError:
        assert ledger.size == size
        return False
    return True


if __name__ == "__main__":
    main()
