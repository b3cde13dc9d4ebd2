"""Measures how many events a second the outbox makes durable: ``python benchmarks/outbox.py``.

The floor is the same rows in a bare SQLite table with the same pragmas and the same batches; both run in turn
in the same folder, whose disk decides.
"""

import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of ``benchmarks.harness.outbox_command``."""
    from benchmarks.harness.outbox_command import main as command  # noqa: PLC0415  the path is set up by then

    return command(arguments)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the script's folder is there already
    sys.exit(main())
