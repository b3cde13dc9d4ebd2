"""What an auditor brings along: public keys, checkpoints that were kept elsewhere, time stamps."""

from collections.abc import Sequence
from pathlib import Path

from monitor.commands.base import Failure
from monitor.exitstatus import Exit
from monitor.files import InputError, unreadable
from monitor.ledger.verify import KeptCheckpoint
from monitor.merkle.note import MAX_NOTE_BYTES, NoteError, Verifier, read_note, split_note

MAX_KEY_FILE_BYTES = 1_000_000
_SECRET = "PRIVATE+KEY+"  # noqa: S105  how a private key begins


def read_keys(values: Sequence[str]) -> tuple[Verifier, ...]:
    """Return public keys, each given as itself or as a file with one a line. Ends the command otherwise."""
    found = dict[Verifier, None]()
    for value in values:
        try:
            lines = _lines(value)
        except InputError as error:
            raise Failure(f"--key: {error}", Exit.USAGE) from None
        if not lines:
            raise Failure(f"--key {value}: no key in it; name a file with a public key", Exit.USAGE)
        for line in lines:
            found[_key(value, line)] = None
    return tuple(found)


def _lines(value: str) -> list[str]:
    """Return the keys that an option gives. Raises InputError."""
    if "+" in value and not Path(value).exists():
        return [value]
    text = read_limited(Path(value), MAX_KEY_FILE_BYTES).decode("utf-8", "replace")
    lines = (line.strip() for line in text.split("\n"))
    return [line for line in lines if line and not line.startswith("#")]


def _key(value: str, line: str) -> Verifier:
    if line.startswith(_SECRET):
        mend = "give the public one, which `residency ledger show` prints"
        raise Failure(f"--key: that is a private key, which nobody needs to verify; {mend}", Exit.USAGE)
    try:
        return Verifier(line)
    except NoteError as error:
        problem = f"{error}; write it as `residency ledger show` prints it"
        raise Failure(f"--key {value}: {problem}", Exit.USAGE) from None


def read_kept(paths: Sequence[Path]) -> tuple[KeptCheckpoint, ...]:
    """Return checkpoints that were kept elsewhere. Raises InputError for what is no signed note."""
    return tuple(KeptCheckpoint(str(path), _note(path)) for path in paths)


def _note(path: Path) -> str:
    try:
        note = read_note(read_limited(path, MAX_NOTE_BYTES))
        split_note(note)
    except NoteError as error:
        raise InputError(
            str(path), str(error), "name a file that `residency ledger checkpoint` wrote"
        ) from None
    return note


def read_limited(path: Path, limit: int) -> bytes:
    """Return what stands in a file of at most ``limit`` bytes. Raises InputError."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise unreadable(path, error) from None
    if len(data) > limit:
        raise InputError(str(path), f"larger than {limit:,} bytes", "check that it is the right file")
    return data
