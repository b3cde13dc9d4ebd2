"""Makes of a replay's folder what it is told to: nothing, the facts, or the page. Run by ``report.py``.

Prints how many connections it read, to see that each program read all of them.
"""

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from monitor.exports import DECISIONS
from monitor.report.reading import Question, gather
from monitor.report.types import Facts


def floor(folder: Path) -> int:
    """Read the lines, and see that each is JSON."""
    decode = msgspec.json.Decoder(msgspec.Raw).decode
    count = 0
    with (folder / DECISIONS).open("rb") as file:
        for line in file:
            decode(line)
            count += 1
    return count


def facts(folder: Path) -> int:
    """Gather."""
    return _gathered(folder).related.flows


def page(folder: Path) -> int:
    """Gather, and render the page."""
    found = _gathered(folder)
    importlib.import_module("monitor.report.page").render(found)
    return found.related.flows


PROGRAMS: dict[str, Callable[[Path], int]] = {"floor": floor, "facts": facts, "page": page}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one program."""
    parser = argparse.ArgumentParser(description="Make a report of a folder, or a part of that.")
    parser.add_argument("program", choices=sorted(PROGRAMS))
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    print(PROGRAMS[options.program](options.folder))
    return 0


def _gathered(folder: Path) -> Facts:
    return gather(Question((folder,)))


if __name__ == "__main__":
    sys.exit(main())
