"""Measures the figures that sizes rest on: ``python benchmarks/sizing_figures.py FILE --out OUT``."""

import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of ``benchmarks.harness.sizing_figures_command``."""
    from benchmarks.harness.sizing_figures_command import main as command  # noqa: PLC0415  as in the others

    return command(arguments)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the script's folder is there already
    sys.exit(main())
