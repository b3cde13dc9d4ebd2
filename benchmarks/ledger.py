"""Measures the ledger: appending durable batches, and verifying offline: ``python benchmarks/ledger.py``.

Each stands beside a floor: the same bytes in one file with as many fsyncs, and SHA-256 over the same files.
"""

import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of ``benchmarks.harness.ledger_command``."""
    from benchmarks.harness.ledger_command import main as command  # noqa: PLC0415  the path is set up by then

    return command(arguments)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the script's folder is there already
    sys.exit(main())
