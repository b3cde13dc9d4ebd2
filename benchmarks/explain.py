"""Measures `explain` and `catalog coverage` in one process: ``python benchmarks/explain.py``.

A name that was asked for lately is answered from the kept answers (warm), any other one by the catalogue
(cold): both are said, and neither stands for the other.
"""

import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of ``benchmarks.harness.explain_command``."""
    from benchmarks.harness.explain_command import main as command  # noqa: PLC0415  the path is set up by then

    return command(arguments)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the script's folder is there already
    sys.exit(main())
