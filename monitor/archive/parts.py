"""Parts: Parquet files (zstd), ordered by time, written once and named by the SHA-256 of what is in them.

A part gets its name when the disk holds it, so one that is there is whole. Whether it counts says the
manifest.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monitor.archive.columns import TIMES, Row, schemas
from monitor.archive.layout import Place
from monitor.archive.types import Part
from monitor.files import InputError, unreadable
from monitor.ledger.disk import sync

ROW_GROUP = 100_000  # rows, each group with its own statistics: what a reader skips
PARTIAL = ".partial"
_PIECE_BYTES = 1_048_576
_MEND = "restore it from a copy, or archive its ledger or replay again into a new folder"


class UnwritableError(InputError):
    """The archive cannot be written."""


def write_rows(root: Path, place: Place, rows: Sequence[Row]) -> Part:
    """Write rows of one partition. Raises UnwritableError."""
    import pyarrow as pa  # noqa: PLC0415  optional and heavy

    return write_table(root, place, pa.Table.from_pylist(rows, schema=schemas(pa)[place.table]))


def write_table(root: Path, place: Place, table: Any) -> Part:
    """Write a table of at least one row, ordered by time. Raises UnwritableError."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    time = TIMES[place.table]
    table = table.sort_by([(time, "ascending"), ("source", "ascending"), ("ledger_index", "ascending")])
    folder = root / place.folder
    partial = folder / f".part-{os.getpid()}{PARTIAL}"
    try:
        _make(folder, root)
        pq.write_table(table, partial, compression="zstd", row_group_size=ROW_GROUP)
        part = _described(place, table, partial)
        sync(partial)
        partial.replace(root / part.path)
        sync(folder)
    except OSError as error:
        problem = error.strerror or str(error)
        raise UnwritableError(
            str(folder), problem.lower(), "make room, or choose another --archive"
        ) from None
    return part


def read_part(root: Path, part: Part) -> Any:
    """Return a part's rows. Raises InputError."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    path = root / part.path
    check_size(root, part)
    try:
        with path.open("rb") as file:
            return pq.read_table(file, schema=schemas(pa)[part.place.table])
    except OSError as error:
        if error.errno is not None:
            raise unreadable(path, error) from None
        raise damaged(path, str(error)) from None
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise damaged(path, str(error)) from None


def check_size(root: Path, part: Part) -> None:
    """Raise InputError where a part is not there, or is shorter or longer than it was written."""
    path = root / part.path
    try:
        found = path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from None
    if found != part.bytes:
        raise damaged(path, f"{found:,} bytes, where {part.bytes:,} were written")


def damaged(path: Path | str, problem: str) -> InputError:
    """Return what to say of a part that is not as it was written."""
    first = problem.strip().partition("\n")[0]
    return InputError(str(path), f"damaged: {first}", _MEND)


def _described(place: Place, table: Any, path: Path) -> Part:
    import pyarrow.compute as pc  # noqa: PLC0415

    moments = table.column(TIMES[place.table]).cast("int64")
    days = pc.min_max(table.column("day")).as_py()
    return Part(
        place=place,
        name=_digest(path),
        rows=table.num_rows,
        bytes=path.stat().st_size,
        first_ns=moments[0].as_py(),
        last_ns=moments[-1].as_py(),
        first_day=days["min"].isoformat(),
        last_day=days["max"].isoformat(),
        sources=tuple(sorted(pc.unique(table.column("source")).to_pylist())),
    )


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _make(folder: Path, root: Path) -> None:
    """Make a folder below the root, and have the disk hold each that is new."""
    if folder.is_dir():
        return
    _make(folder.parent, root)
    folder.mkdir(exist_ok=True)
    sync(folder.parent)


def remove(root: Path, path: str) -> None:
    """Delete a file, and folders that are empty then. Raises OSError."""
    file = root / path
    file.unlink(missing_ok=True)
    for folder in file.relative_to(root).parents:
        if folder == Path():
            return
        try:
            os.rmdir(root / folder)  # noqa: PTH106  fails where something is in it, as it shall
        except OSError:
            return
