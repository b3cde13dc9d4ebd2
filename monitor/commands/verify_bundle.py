"""`residency verify` for bundles: the bundle itself, and the captures that it came of."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from monitor.bundle.archive import ArchiveError
from monitor.bundle.verify import VerifiedBundle, verify_bundle
from monitor.commands.base import clear_errors
from monitor.commands.edge import reader_may_leave
from monitor.commands.terminal import echo, json_line
from monitor.commands.verify import unreadable_ends
from monitor.commands.verify_text import bundle_lines
from monitor.exitstatus import Exit
from monitor.ledger.verify_types import Fault
from monitor.merkle.note import Verifier


def verify_and_print(
    path: Path, keys: Sequence[Verifier], captures: Sequence[Path], *, as_json: bool
) -> Exit:
    """Verify a bundle, compare it with captures, print what came of it; return the exit status."""
    with clear_errors(), unreadable_ends():
        found = verify_bundle(path, keys)
        of_captures = _compared(found, path, captures)
    holds = found.holds and not of_captures
    with reader_may_leave():
        if as_json:
            said = msgspec.structs.asdict(found)
            echo([json_line({"holds": holds, **said, "capture_faults": of_captures})])
        else:
            echo(bundle_lines(found, of_captures))
    return Exit.DONE if holds else Exit.VIOLATIONS


def _compared(found: VerifiedBundle, path: Path, captures: Sequence[Path]) -> tuple[Fault, ...]:
    if not captures or not found.holds:
        return ()
    from monitor.commands.bundle_capture import compare_capture  # noqa: PLC0415  loads the engines

    try:
        return compare_capture(path, captures)
    except ArchiveError as error:
        return (Fault(error.place, error.problem),)
