"""Rebuilds the captures of ``pcaps/``, byte for byte: ``python pcaps/make.py [--check] [CASE...]``.

``--check`` writes nothing; it compares, and names every capture that differs.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent

if TYPE_CHECKING:
    from pcaps.cases.case import Case


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check captures. Returns 0; 1 where a capture differs; 2 where a case is unknown."""
    from pcaps.cases.registry import CASES  # noqa: PLC0415  scapy is not needed for --help

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="folders; all, if none is named")
    options = parser.parse_args(arguments)
    known = {case.name: case for case in CASES}
    unknown = sorted(set(options.cases) - set(known))
    if unknown:
        parser.error(f"unknown case {', '.join(unknown)}; choose from: {', '.join(known)}")
    chosen = [known[name] for name in options.cases] or list(CASES)
    handle = check if options.check else write
    return max([handle(case) for case in chosen], default=0)


def write(case: "Case") -> int:
    """Write one capture."""
    path = ROOT / case.path
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(case.build())
    return 0


def check(case: "Case") -> int:
    """Compare one capture with its rebuild; return 1 and say where they differ, if they do."""
    path = ROOT / case.path
    if not path.is_file():
        sys.stderr.write(f"{path}: missing; write it with: python pcaps/make.py {case.name}\n")
        return 1
    committed, rebuilt = path.read_bytes(), case.build()
    if committed == rebuilt:
        return 0
    pairs = enumerate(zip(committed, rebuilt, strict=False))
    offset = next((at for at, (old, new) in pairs if old != new), min(len(committed), len(rebuilt)))
    sys.stderr.write(
        f"{path}: differs from its rebuild at offset {offset} ({len(committed)} bytes, rebuilt"
        f" {len(rebuilt)}); write it with: python pcaps/make.py {case.name}\n"
    )
    return 1


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT.parent))  # the script's folder is on the path, the repository is not
    sys.exit(main())
