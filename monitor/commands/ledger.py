"""`residency ledger`: what a ledger holds, entry by entry, and its checkpoints to keep elsewhere."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from monitor.commands.base import FILE, Failure, clear_errors
from monitor.commands.edge import reader_may_leave
from monitor.commands.groups import Group
from monitor.commands.terminal import echo, json_line, printable, shortened
from monitor.commands.verify import unreadable_ends
from monitor.exitstatus import Exit
from monitor.files import InputError
from monitor.ledger.reader import Entry, LedgerReader, ledgers_in, open_ledger
from monitor.ledger.types import KINDS, Leaf
from monitor.replacing import Replacing
from monitor.wording import moment

_raw_json = msgspec.json.Decoder(msgspec.Raw).decode

PAYLOAD_COLUMNS = 100  # of a payload in the list; --json has all of it

NOT_THERE = "(not there: erased by retention, if `residency verify` finds no fault)"

ledger_argument = click.argument("ledger", type=FILE, metavar="LEDGER")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")


@click.group("ledger", cls=Group)
def command() -> None:
    """Show what a ledger holds, and take checkpoints of it to keep elsewhere.

    LEDGER is the folder of one tenant's ledger, or the root with those of all. Nothing is checked here but
    the checkpoint's signature by the ledger's own key: see `residency verify`.

    \b
    Examples:
      residency ledger show ledger/
      residency ledger list ledger/acme --kind finding --json
      residency ledger checkpoint ledger/acme --out kept/acme-june
    """


@command.command("show")
@ledger_argument
@json_option
def show(ledger: Path, as_json: bool) -> None:
    """Print a line for each tenant: entries, kinds, first and last day, the public key.

    \b
    Examples:
      residency ledger show ledger/
      residency ledger show ledger/ --json | jq -r .key > ledger.pub
    """
    with clear_errors(), unreadable_ends(), reader_may_leave():
        for folder in ledgers_in(ledger):
            said = _summary(open_ledger(folder))
            echo([json_line(said) if as_json else _summary_line(said)])


class Summary(msgspec.Struct, frozen=True):
    """What is said of one ledger. Days are those that entries stand under, as far as there are any."""

    tenant: str | None
    entries: int
    kinds: dict[str, int]
    first_day: str | None
    last_day: str | None
    key: str
    checkpoint_size: int


def _summary(reader: LedgerReader) -> Summary:
    decode = msgspec.json.Decoder(Leaf).decode
    kinds, first, last, entries = Counter[str](), None, None, 0
    for index, raw in reader.leaves():
        try:
            leaf = decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            mend = "see `residency verify` for what else is wrong"
            raise InputError(str(reader.folder), f"entry {index}: {error}", mend) from None
        day = leaf.day.removeprefix("other-")
        first, last = min(first or day, day), max(last or day, day)
        kinds[leaf.kind] += 1
        entries += 1
    return Summary(reader.tenant, entries, dict(kinds.most_common()), first, last, reader.vkey, reader.size)


def _summary_line(said: Summary) -> str:
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in said.kinds.items())
    days = printable(f"{said.first_day} to {said.last_day}") if said.first_day else "no day"
    name = said.tenant if said.tenant is not None else "(no tenant)"
    parts = (printable(name), f"{said.entries:,} entries", kinds or "nothing", days, printable(said.key))
    return "  ".join(parts)


@command.command("list")
@ledger_argument
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    metavar="KIND",
    help="Only entries of this kind, as `show` names them.",
)
@json_option
def list_entries(ledger: Path, kind: str | None, as_json: bool) -> None:
    """List the entries, the oldest first: index, time, kind, class, day, and the payload, if it is there.

    \b
    Examples:
      residency ledger list ledger/acme
      residency ledger list ledger/acme --kind retention
      residency ledger list ledger/acme --kind finding --json | jq .payload
    """
    with clear_errors(), unreadable_ends(), reader_may_leave():
        for folder in ledgers_in(ledger):
            reader = open_ledger(folder)
            entries = (each for each in reader.entries() if kind is None or each.leaf.kind == kind)
            echo(_entry_json(reader, entries) if as_json else map(_entry_line, entries))


def _entry_line(entry: Entry) -> str:
    leaf = entry.leaf
    payload = NOT_THERE if entry.payload is None else entry.payload.decode("utf-8", "replace")
    at = f"{entry.index:>8}  {moment(leaf.at_ns)}  {leaf.kind:<15}  {leaf.payload_class:<13}  {leaf.day:<10}"
    return f"{at}  {shortened(printable(payload), PAYLOAD_COLUMNS)}"


def _entry_json(reader: LedgerReader, entries: Iterator[Entry]) -> Iterator[str]:
    for entry in entries:
        said = {
            "tenant": reader.tenant,
            "index": entry.index,
            "leaf": entry.leaf,
            "salt": None if entry.salt is None else entry.salt.hex(),
            "payload": None if entry.payload is None else _payload_json(reader, entry.index, entry.payload),
        }
        yield json_line(said)


def _payload_json(reader: LedgerReader, index: int, payload: bytes) -> msgspec.Raw:
    """Return a payload to be put out as it is. Raises InputError for what is no JSON."""
    try:
        payload.decode()
        return _raw_json(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        mend = "see `residency verify` for what else is wrong"
        raise InputError(str(reader.folder), f"entry {index}: no JSON: {error}", mend) from None


@command.command("checkpoint")
@ledger_argument
@click.option("--out", type=FILE, metavar="FILE", help="Write the checkpoint there instead of stdout.")
@click.option(
    "--query", type=FILE, metavar="FILE.tsq", help="Write a request for a time stamp of it (RFC 3161)."
)
def checkpoint(ledger: Path, out: Path | None, query: Path | None) -> None:
    """Print the signed checkpoint of one tenant's ledger, to be kept where the ledger is not.

    A ledger that was cut off or written anew since then does not go on from it: `residency verify
    --checkpoint` tells. A time stamp of it proves to others how old it is.

    \b
    Examples:
      residency ledger checkpoint ledger/acme > kept/acme-june
      residency ledger checkpoint ledger/acme --out june --query june.tsq
    """
    with clear_errors(), unreadable_ends():
        folders = ledgers_in(ledger)
        if len(folders) > 1:
            names = ", ".join(printable(folder.name) for folder in folders[:10])
            raise Failure(f"{ledger}: there are {len(folders)} ledgers; name one: {names}", Exit.USAGE)
        note = open_ledger(folders[0]).note
        if query is not None:
            _write(query, _query(note.encode()))
    if out is not None:
        _write(out, note.encode())
        return
    with reader_may_leave():
        sys.stdout.write(note)


def _query(data: bytes) -> bytes:
    from monitor.timestamps import timestamp_query  # noqa: PLC0415  optional

    return timestamp_query(data)


def _write(path: Path, data: bytes) -> None:
    with Replacing(path) as file:
        file.write(data)
