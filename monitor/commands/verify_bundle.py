"""`residency verify` for bundles: the bundle itself, and the captures that it came of."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from monitor.bundle.archive import ArchiveError
from monitor.bundle.verify import VerifiedBundle, verify_bundle
from monitor.commands.base import clear_errors
from monitor.commands.edge import reader_may_leave
from monitor.commands.terminal import echo, json_line
from monitor.commands.verify import unreadable_ends
from monitor.commands.verify_text import bundle_lines
from monitor.datasets.use import DataChoice
from monitor.exitstatus import Exit
from monitor.ledger.verify_types import Fault
from monitor.merkle.note import Verifier

if TYPE_CHECKING:
    from monitor.commands.bundle_capture import Compared


def verify_and_print(
    path: Path, keys: Sequence[Verifier], captures: Sequence[Path], choice: DataChoice, *, as_json: bool
) -> Exit:
    """Verify a bundle, compare it with captures, print what came of it; return the exit status."""
    with clear_errors(), unreadable_ends():
        found = verify_bundle(path, keys)
        compared = _compared(found, path, captures, choice)
    holds = found.holds and not compared.faults
    with reader_may_leave():
        if as_json:
            said = msgspec.structs.asdict(found)
            of_captures = {"capture_faults": compared.faults, "not_compared": compared.hidden}
            echo([json_line({"holds": holds, **said, **of_captures})])
        else:
            echo(bundle_lines(found, compared.faults, compared.hidden))
    if not holds:
        return Exit.VIOLATIONS
    return Exit.INCOMPLETE if compared.hidden else Exit.DONE


def _compared(found: VerifiedBundle, path: Path, captures: Sequence[Path], choice: DataChoice) -> "Compared":
    from monitor.commands.bundle_capture import Compared, compare_capture  # noqa: PLC0415  loads the engines

    if not captures or not found.holds:
        return Compared()
    try:
        return compare_capture(path, captures, choice)
    except ArchiveError as error:
        return Compared((Fault(error.place, error.problem),))
