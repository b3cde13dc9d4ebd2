"""Measures live capture beside tcpdump and nDPI on one veth pair: ``python benchmarks/live.py FILE``.

Everything happens in two network namespaces that are made for it and gone at the end. Exit status 1 where a
sum does not close, or a program failed.
"""

import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of ``benchmarks.wire``."""
    from benchmarks.wire.command import main as command  # noqa: PLC0415  the path is set up by then

    return command(arguments)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the script's folder is there already
    sys.exit(main())
