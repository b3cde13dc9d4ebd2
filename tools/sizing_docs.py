"""Writes what the commands of the sizing guide print into it anew: ``python -m tools.sizing_docs``."""

import io
import re
import shlex
from contextlib import redirect_stdout
from pathlib import Path

from benchmarks.harness import sizing_command

GUIDE = Path(__file__).parents[1] / "docs/86-sizing.md"
BLOCK = re.compile(r"(```console\n\$ python benchmarks/sizing\.py ?(.*)\n)((?:.*\n)*?)(```)")
TABLE = re.compile(r"(<!-- figures -->\n).*?(<!-- end -->)", re.DOTALL)


def printed(arguments: str) -> str:
    """Return what the command prints."""
    out = io.StringIO()
    with redirect_stdout(out):
        sizing_command.main(shlex.split(arguments))
    return out.getvalue()


def renewed(text: str) -> str:
    """Return the guide with all blocks, and the table of figures, as they are by now."""
    text = TABLE.sub(lambda found: found[1] + printed("--list-figures") + found[2], text)
    return BLOCK.sub(lambda found: found[1] + printed(found[2]) + found[4], text)


if __name__ == "__main__":
    GUIDE.write_text(renewed(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")
