"""Sizes a fleet of sensors by measured figures, and simulates it: ``python benchmarks/sizing.py``."""

import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of ``benchmarks.harness.sizing_command``."""
    from benchmarks.harness.sizing_command import main as command  # noqa: PLC0415  the path is set up by then

    return command(arguments)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the script's folder is there already
    sys.exit(main())
