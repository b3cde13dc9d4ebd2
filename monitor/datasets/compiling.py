"""Finds the look-up that is made of a selection's ranges, or has it made; it is kept while it is of use.

Its name is the hash of everything that it is made of, so that what is there under the name is right.
"""

import atexit
import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.datasets.store import Chosen, Selection, Store
from monitor.files import InputError
from monitor.replacing import Replacing

if TYPE_CHECKING:
    from monitor.datasets.building import Built

FORM = "2"  # of the records; another one makes every look-up anew
KEPT = 16  # compiled look-ups


def compiled(store: Store, selection: Selection, spare: Path | None = None) -> Path | None:
    """The look-up of a selection's ranges; None when it has none. Raises InputError.

    Where the store cannot be written, it is kept in the folder ``spare``, if that is there.
    """
    chosen = selection.ranges()
    if not chosen:
        return None
    name = f"{_key(chosen)}.mmdb"
    path = store.folder / "compiled" / name
    if path.exists():
        return path
    if spare is not None and (spare / name).exists():
        return spare / name
    from monitor.datasets.building import compile_ranges  # noqa: PLC0415  once for each choice of versions

    built = compile_ranges(store, chosen)
    try:
        with store.writing():
            path.parent.mkdir(exist_ok=True)
            _write(path, built)
            _forget(path.parent)
    except InputError:  # a store that this user may only read
        return _elsewhere(built) if spare is None or not spare.is_dir() else _spared(built, spare / name)
    return path


def _key(chosen: tuple[Chosen, ...]) -> str:
    digest = hashlib.sha256(FORM.encode())
    for each in chosen:
        digest.update(f"\n{each.source.id} {each.version.dataset} {each.version.sha256}".encode())
    return digest.hexdigest()[:32]


def _forget(folder: Path) -> None:
    """Delete the look-ups that were made longest ago, so that they do not grow without end."""
    files = sorted(folder.glob("*.mmdb"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
    for file in files[KEPT:]:
        file.unlink(missing_ok=True)
        prefixes_of(file).unlink(missing_ok=True)


def prefixes_of(path: Path) -> Path:
    """The list of the ranges in a look-up, as CIDR prefixes, a line each."""
    return path.with_suffix(".prefixes")


def _write(path: Path, built: "Built") -> None:
    """Write the list first: where the look-up is there, so is the list."""
    with Replacing(prefixes_of(path)) as out:
        out.write("\n".join(built.prefixes).encode())
    with Replacing(path) as out:
        out.write(built.database)


def _spared(built: "Built", path: Path) -> Path:
    """Keep it apart from the store. Raises InputError."""
    try:
        _write(path, built)
        _forget(path.parent)
    except OSError as error:
        raise InputError(
            str(path.parent), (error.strerror or str(error)).lower(), "make room there"
        ) from None
    return path


def _elsewhere(built: "Built") -> Path:
    """A look-up for this process alone, which nobody finds again."""
    folder = Path(tempfile.mkdtemp(prefix="residency-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "ranges.mmdb"
    _write(path, built)
    return path
