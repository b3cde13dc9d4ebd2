"""Measures one core of a fleet's correlator: ``python benchmarks/fleet.py``; ``--kafka``: on a broker too.

Parcels as a sensor publishes them go in, encoded; decisions come out, encoded.
"""

import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of ``benchmarks.harness.fleet_command``."""
    from benchmarks.harness.fleet_command import main as command  # noqa: PLC0415  the path is set up by then

    return command(arguments)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the script's folder is there already
    sys.exit(main())
