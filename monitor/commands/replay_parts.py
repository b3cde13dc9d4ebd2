"""The options of `residency replay` that let several workers read, and what they come to."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from monitor.batch import objects
from monitor.batch.run import Batch
from monitor.batch.workers import cluster_at, local_workers
from monitor.commands.base import FILE, Failure, warn
from monitor.exitstatus import Exit
from monitor.files import InputError
from sensors.native import MISSING

F = TypeVar("F", bound=Callable[..., Any])

PARTS = "parts"  # below --out


class Spread(msgspec.Struct, frozen=True):
    """Who reads, and where they keep what they find."""

    workers: int | None = None
    cluster: str | None = None
    cache: Path | None = None

    @property
    def wanted(self) -> bool:
        """Whether anybody but this process shall read."""
        return self.workers is not None or self.cluster is not None


def spread_options(command: F) -> F:
    """Add the options. They come as ``workers``, ``cluster`` and ``cache``."""
    options = (
        click.option(
            "--workers", type=click.IntRange(min=1), metavar="N", help="Read with N processes (Dask)."
        ),
        click.option("--cluster", metavar="ADDRESS", help="Read with a Dask cluster: tcp://scheduler:8786."),
        click.option(
            "--cache", type=FILE, metavar="DIR", help="Keep there what workers found; else below --out."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@contextmanager
def in_parts(spread: Spread, engine: str, out: Path | None) -> Iterator[Batch | None]:
    """Have the workers that the options name; None where this process reads. Where none can, it ends here."""
    if not spread.wanted:
        if spread.cache is not None:
            raise Failure("--cache is for --workers and --cluster; name one of them", Exit.USAGE)
        yield None
        return
    _check(spread, engine, out)
    with ExitStack() as stack:
        folder = spread.cache or (out / PARTS if out is not None else None)
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="residency-parts-")))
        _make(folder)
        if spread.cluster is not None:
            workers = stack.enter_context(cluster_at(spread.cluster))
            if not workers.count():
                warn([f"{spread.cluster}: no worker is there yet; this waits for one"])
        else:
            workers = stack.enter_context(local_workers(spread.workers or 1))
        yield Batch(workers, folder, lambda line: warn([line]))


def _check(spread: Spread, engine: str, out: Path | None) -> None:
    if engine != "native" or MISSING:
        why = f": {MISSING}" if MISSING else f", not {engine}"
        raise Failure(f"--workers and --cluster need the native engine{why}", Exit.USAGE)
    if spread.workers is not None and spread.cluster is not None:
        raise Failure("--workers and --cluster exclude each other; choose one", Exit.USAGE)
    if spread.cluster is not None and spread.cache is None and out is None:
        mend = "name a folder that all workers reach with --cache"
        raise Failure(f"--cluster needs a place for what workers find; {mend}", Exit.USAGE)


def local_paths(spread: Spread, paths: Sequence[str]) -> list[Path]:
    """Return the paths that are no objects'. Ends the command where those who read cannot reach a path."""
    remote = [path for path in paths if objects.is_remote(path)]
    if remote and not spread.wanted:
        raise Failure(f"{remote[0]}: objects are read by workers; add --workers N or --cluster", Exit.USAGE)
    local = [Path(objects.local(path)) for path in paths if not objects.is_remote(path)]
    relative = [path for path in local if not path.is_absolute()]
    if spread.cluster is not None and relative:
        mend = "name captures by their whole paths, which the workers must reach too"
        raise Failure(f"{relative[0]}: workers of --cluster are in other folders; {mend}", Exit.USAGE)
    return local


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(str(folder), error.strerror or "cannot be used", "choose another --cache") from None
