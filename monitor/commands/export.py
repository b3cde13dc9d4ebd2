"""`residency export`: the evidence of one finding, in one file."""

import getpass
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.commands.base import FILE, Failure, warn
from monitor.exitstatus import Exit
from monitor.files import InputError
from monitor.wording import plural

if TYPE_CHECKING:
    from monitor.bundle.export import Exported
    from monitor.bundle.noting import Noted

DEFAULT_OUT = "finding-{finding}.zip"


@click.command("export")
@click.option("--finding", required=True, metavar="ID", help="The finding's identifier.")
@click.option("--ledger", required=True, type=FILE, metavar="DIR", help="A ledger, or the root of several.")
@click.option("--out", type=FILE, metavar="FILE", help="The bundle; finding-ID.zip by default.")
@click.option(
    "--capture",
    "captures",
    type=FILE,
    multiple=True,
    metavar="FILE",
    help="A capture of it (repeatable).",
)
@click.option("--packets", is_flag=True, help="Put in how the connections began, up to the ClientHello.")
@click.option("--policy", type=FILE, metavar="FILE", help="The policy, where the ledger does not have it.")
@click.option("--by", metavar="NAME", help="Who exports it; the user's name by default.")
@click.option("--key", type=FILE, metavar="FILE", help="The ledger's private key, to note the export there.")
@click.option("--state", type=FILE, metavar="DIR", help="The daemon's state, to have it note the export.")
def command(
    finding: str,
    ledger: Path,
    out: Path | None,
    captures: Sequence[Path],
    packets: bool,
    policy: Path | None,
    by: str | None,
    key: Path | None,
    state: Path | None,
) -> None:
    """Export what a ledger holds of a finding, in one file that anybody can verify.

    The file is a ZIP archive: the finding, its changes and decisions, the policy and the data sets that
    counted then, the ledger's signed checkpoint, and the proof of each entry. README.txt in it says what it
    proves, and what it does not. The same ledger and captures give the same bytes.

    \b
    Examples:
      residency export --finding 580a0c30617d307d --ledger ledger/acme
      residency export --finding 580a0c30617d307d --ledger ledger/ \\
          --capture egress.pcap --packets
      residency verify finding-580a0c30617d307d.zip

    The export is noted: in the ledger with --key, by a daemon that runs with --state.

    \b
    Exit status: 0 done; 2 usage, no such finding, or --out cannot be written;
    3 the ledger or a capture cannot be read.
    """
    from monitor.bundle.export import Asked, UnknownFindingError, export  # noqa: PLC0415
    from monitor.bundle.noting import Noted  # noqa: PLC0415

    if packets and not captures:
        raise Failure("--packets: no packets without a capture; name one with --capture", Exit.USAGE)
    out = out if out is not None else Path(DEFAULT_OUT.format(finding=_file_word(finding)))
    try:
        exported = export(Asked(finding, ledger, out, tuple(captures), packets, policy))
    except InputError as error:
        mine = isinstance(error, UnknownFindingError) or error.path in {str(policy), str(out), "--capture"}
        raise Failure(str(error), Exit.USAGE if mine else Exit.UNREADABLE) from None
    noted = Noted(finding, exported.sha256, by if by is not None else getpass.getuser())
    warn(exported.notes)
    problem = _note(exported, noted, key, state)
    if problem is not None:
        warn([f"the export is not noted: {problem}"])
    click.echo(f"{out}  {plural(exported.decisions, 'decision')}, {plural(exported.changes, 'change')}")
    click.echo(f"SHA-256  {exported.sha256}")


def _note(exported: "Exported", noted: "Noted", key: Path | None, state: Path | None) -> str | None:
    from monitor.bundle.noting import note_in_ledger, note_through_daemon  # noqa: PLC0415

    now_ns = time.time_ns()
    if state is not None:
        return note_through_daemon(noted, state, now_ns)
    if key is not None:
        return note_in_ledger(exported, noted, key, now_ns)
    return "name the ledger's key with --key, or the state of a daemon that runs with --state"


def _file_word(finding: str) -> str:
    """Return an identifier as a part of a file's name."""
    return "".join(each for each in finding if each.isalnum() or each in "-_")
