"""Watches the daemon's memory while connections come and go: ``python benchmarks/soak.py --folder build``.

Ordinary traffic, and floods of SYNs, QUIC Initials and DNS between, on a veth pair that is made for it. Exit
status 1 where a sum does not close, or the daemon failed.
"""

import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of ``benchmarks.wire.soak_command``."""
    from benchmarks.wire.soak_command import main as command  # noqa: PLC0415  the path is set up by then

    return command(arguments)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the script's folder is there already
    sys.exit(main())
