"""`residency verify`: is a ledger, or a bundle, as it was signed? Offline, by public keys alone."""

import datetime as dt
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.commands.base import FILE, Failure, as_of_option, clear_errors, data_option
from monitor.commands.edge import reader_may_leave
from monitor.commands.terminal import echo, json_line
from monitor.commands.trust import read_kept, read_keys, read_limited
from monitor.datasets.use import DataChoice
from monitor.exitstatus import Exit
from monitor.files import InputError

if TYPE_CHECKING:
    from monitor.ledger.verify_root import VerifiedRoot
    from monitor.ledger.verify_types import Fault
    from monitor.merkle.note import Verifier
    from monitor.timestamps import Timestamp


@click.command("verify")
@click.argument("path", type=FILE, metavar="LEDGER|BUNDLE")
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="FILE|VKEY",
    help="A public key that you trust, or a file with one a line (repeatable).",
)
@click.option(
    "--checkpoint",
    "checkpoints",
    type=FILE,
    multiple=True,
    metavar="FILE",
    help="A checkpoint that was kept elsewhere: the ledger has to go on from it (repeatable).",
)
@click.option("--timestamp", type=FILE, metavar="FILE.tsr", help="A time stamp (RFC 3161) of the checkpoint.")
@click.option(
    "--tsa-ca", type=FILE, metavar="FILE", help="The certificates (PEM) that the time stamp counts by."
)
@click.option(
    "--capture",
    "captures",
    type=FILE,
    multiple=True,
    metavar="FILE",
    help="A bundle's capture: its decisions have to come of it again (repeatable).",
)
@data_option
@as_of_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the text.")
def command(
    path: Path,
    keys: Sequence[str],
    checkpoints: Sequence[Path],
    timestamp: Path | None,
    tsa_ca: Path | None,
    captures: Sequence[Path],
    data: Path | None,
    as_of: dt.date | None,
    as_json: bool,
) -> None:
    """Verify a ledger, or a bundle that was exported from one, offline.

    LEDGER is the folder of one tenant's ledger, or the root with those of all. Every byte of every file is
    looked at; what is not as it was signed is named. Without --key each is verified by its own key, which
    proves that it fits itself, and not who wrote it.

    \b
    Examples:
      residency verify ledger/ --key ledger.pub
      residency verify ledger/acme --key ledger.pub --checkpoint kept/acme-june
      residency verify ledger/acme --key ledger.pub --checkpoint kept/acme-june \\
        --timestamp kept/acme-june.tsr --tsa-ca tsa-root.pem
      residency verify finding.zip --key ledger.pub
      residency verify finding.zip --capture egress.pcap --as-of 2026-03-10

    --data and --as-of choose the data sets for --capture, as for `residency replay`.

    \b
    Exit status: 0 verified; 1 something is not as it was signed; 2 usage;
    3 unreadable; 4 some decisions could not be compared with --capture.
    """
    from monitor.bundle.verify import is_bundle  # noqa: PLC0415  loads what only this command needs

    trusted = read_keys(keys)
    if (timestamp is None) != (tsa_ca is None):
        raise Failure("--timestamp and --tsa-ca: each needs the other", Exit.USAGE)
    if not captures and (data is not None or as_of is not None):
        raise Failure("--data and --as-of are for --capture, which is not there", Exit.USAGE)
    with unreadable_ends():
        bundle = is_bundle(path)
    if not bundle:
        if captures:
            raise Failure(f"{path}: --capture is for bundles, and this is none", Exit.USAGE)
        stamp = (timestamp, tsa_ca) if timestamp is not None and tsa_ca is not None else None
        sys.exit(_verify_ledgers(path, trusted, checkpoints, stamp, as_json=as_json))
    if checkpoints or timestamp:
        raise Failure(f"{path}: --checkpoint and --timestamp are for ledgers; this is a bundle", Exit.USAGE)
    from monitor.commands.verify_bundle import verify_and_print  # noqa: PLC0415

    sys.exit(verify_and_print(path, trusted, captures, DataChoice(data, as_of), as_json=as_json))


def _verify_ledgers(
    path: Path,
    keys: Sequence["Verifier"],
    checkpoints: Sequence[Path],
    stamp: tuple[Path, Path] | None,
    *,
    as_json: bool,
) -> Exit:
    """Verify the ledgers at a path, print what came of it; return the exit status."""
    from monitor.commands.verify_text import ledger_lines  # noqa: PLC0415
    from monitor.ledger.verify_root import verify_root  # noqa: PLC0415

    with clear_errors(), unreadable_ends():
        found = verify_root(path, keys, read_kept(checkpoints))
        time, fault = _stamp(*stamp, _stamped(found, checkpoints)) if stamp else (None, None)
    holds = found.holds and fault is None
    with reader_may_leave():
        if as_json:
            said = {"holds": holds, "ledgers": found.ledgers, "beside": found.beside}
            echo([json_line({**said, "timestamp": time, "timestamp_fault": fault})])
        else:
            echo(ledger_lines(found, time, fault))
    return Exit.DONE if holds else Exit.VIOLATIONS


@contextmanager
def unreadable_ends() -> Iterator[None]:
    """End the command where an input cannot be read."""
    try:
        yield
    except InputError as error:
        raise Failure(str(error), Exit.UNREADABLE) from None


def _stamped(found: "VerifiedRoot", checkpoints: Sequence[Path]) -> Path:
    """Return the file that the time stamp is of. Ends the command where it may be of several."""
    if len(checkpoints) == 1:
        return checkpoints[0]
    if checkpoints or len(found.ledgers) > 1:
        raise Failure("--timestamp: name the one checkpoint that it is of with --checkpoint", Exit.USAGE)
    return Path(found.ledgers[0].folder) / "checkpoint"


def _stamp(reply: Path, authorities: Path, stamped: Path) -> tuple["Timestamp | None", "Fault | None"]:
    """Return what a time stamp proves, or what is wrong with it. Raises InputError, MissingExtraError."""
    from monitor.ledger.verify_types import Fault  # noqa: PLC0415
    from monitor.merkle.note import MAX_NOTE_BYTES  # noqa: PLC0415
    from monitor.timestamps import (  # noqa: PLC0415
        MAX_CA_BYTES,
        MAX_REPLY_BYTES,
        TimestampError,
        verify_timestamp,
    )

    data = read_limited(stamped, MAX_NOTE_BYTES)
    trusted = read_limited(authorities, MAX_CA_BYTES)
    try:
        return verify_timestamp(read_limited(reply, MAX_REPLY_BYTES), trusted, data), None
    except TimestampError as error:
        return None, Fault(str(reply), f"{error} (of {stamped})")
