"""Measures the flow table: ``python benchmarks/flow_table.py --concurrent FILE --syn-flood FILE``.

Of N flows that are open at once, the memory of each; of a flood, that the limit holds and nothing is lost
without being counted. Exit status 1 where the flood's sums do not close, or a program failed.
"""

import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of ``benchmarks.harness.flow_command``."""
    from benchmarks.harness.flow_command import main as command  # noqa: PLC0415  the path is set up by then

    return command(arguments)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the script's folder is there already
    sys.exit(main())
