"""Measures the product beside its yardsticks, on the same file in one run: ``python benchmarks/run.py FILE``.

Each measurement is a child process of its own. A program that fails stands in the table as failed, with its
last words, and the exit status is 1.
"""

import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of ``benchmarks.harness``."""
    from benchmarks.harness.command import main as command  # noqa: PLC0415  the path is set up by then

    return command(arguments)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the script's folder is there already
    sys.exit(main())
