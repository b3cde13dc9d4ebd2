"""The key that signs a ledger root's checkpoints: one Ed25519 seed, in a file for its owner alone.

The file holds one line, `PRIVATE+KEY+...` (C2SP signed-note). It is made at first use, out of the system's
randomness, and never overwritten. Each tenant's ledger has the same key under a name of its own.
"""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from monitor.files import READ_FLAGS, InputError
from monitor.ledger.disk import FILE_MODE, FOLDER_MODE, sync, write_all
from monitor.ledger.failures import damaged, unusable
from monitor.ledger.header import read_header
from monitor.ledger.names import key_name, origin
from monitor.ledger.reader import ledgers_in
from monitor.merkle.note import SEED_BYTES, NoteError, Signer

MAX_KEY_BYTES = 4_096

_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def signing_key(path: Path, sensor: str) -> Signer:
    """Return the key in a file, under the sensor's name; made where there is none. Raises InputError."""
    name = key_name(sensor)
    try:
        if not os.path.lexists(path):
            _make(path, Signer.generate(name, secrets.token_bytes(SEED_BYTES)))
        return read_key(path).named(name)
    except OSError as error:
        raise unusable(error, path) from None


def read_key(path: Path) -> Signer:
    """Return the key in a file that nobody else may read. Raises InputError."""
    try:
        file = os.open(path, READ_FLAGS)
    except OSError as error:
        raise unusable(error, path) from None
    try:
        found = os.fstat(file)
        line = os.read(file, MAX_KEY_BYTES + 1) if stat.S_ISREG(found.st_mode) else b""
    except OSError as error:
        raise unusable(error, path) from None
    finally:
        os.close(file)
    if found.st_mode & 0o077:
        raise InputError(str(path), "a private key that others may read", f"chmod 600 {path}")
    try:
        return Signer.read_skey(line.decode("ascii").removesuffix("\n"))
    except (NoteError, UnicodeDecodeError):
        mend = "restore it from a backup, or move it and the ledgers that it signed away"
        raise InputError(str(path), "no private key of a ledger", mend) from None


def vkeys(path: Path, root: Path) -> list[tuple[str | None, str]]:
    """Return tenant and verifier key of each ledger in a root, as the private key says. Raises InputError."""
    key = read_key(path)
    headers = [header for folder in ledgers_in(root) if (header := read_header(folder))]
    try:
        return [(header.tenant, key.named(header.origin).vkey) for header in headers]
    except NoteError as error:
        raise damaged(root, str(error)) from None


def tenant_signer(key: Signer, tenant: str | None) -> Signer:
    """Return the key of a tenant's ledger. Raises ValueError for a name that can have no folder."""
    return key.named(origin(key.name, tenant))


def _make(path: Path, key: Signer) -> None:
    """Make the file, whole or not at all; one that appears meanwhile stays. Raises OSError."""
    path.parent.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.{os.getpid()}.new")
    file = os.open(made, _MAKE, FILE_MODE)
    try:
        write_all(file, f"{key.skey}\n".encode(), 0)
        os.fsync(file)
        with suppress(FileExistsError):
            os.link(made, path)
    finally:
        os.close(file)
        made.unlink()
    sync(path.parent)
