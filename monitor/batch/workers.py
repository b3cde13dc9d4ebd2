"""Who does the work: this process, or the workers of a Dask cluster, here or elsewhere."""

import logging
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from multiprocessing import resource_tracker
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol, TypeVar

from monitor.files import InputError
from monitor.parquet import MissingExtraError

if TYPE_CHECKING:
    from distributed import Client

J = TypeVar("J")
R = TypeVar("R")

RETRIES = 3  # of a task that failed, or whose worker died
_WAIT_SECONDS = 30
_TALKATIVE = "distributed", "distributed.client", "asyncio"
_FOREIGN = "deserialization of the task graph"  # in what Dask says
_MEND = "see what ends them (memory, disk), or use fewer"


class Workers(Protocol):
    """Those who work."""

    def each(self, function: Callable[[J], R], jobs: Sequence[J]) -> Generator[tuple[int, R]]:
        """Yield what comes of each job with its place, as they are done. Raises what the function does."""


class Here:
    """The process that asks."""

    def each(self, function: Callable[[J], R], jobs: Sequence[J]) -> Generator[tuple[int, R]]:
        """Do one job after the other."""
        for at, job in enumerate(jobs):
            yield at, function(job)


class Cluster:
    """The workers of a Dask cluster. Tasks of workers that die are given to others."""

    def __init__(self, client: "Client") -> None:
        self.client = client

    def count(self) -> int:
        """How many workers are there now."""
        return len(self.client.nthreads())  # type: ignore[no-untyped-call]

    def each(self, function: Callable[[J], R], jobs: Sequence[J]) -> Generator[tuple[int, R]]:
        """Do the jobs on all workers."""
        from distributed import CancelledError, KilledWorker, as_completed  # noqa: PLC0415  optional and heavy
        from distributed.comm.core import CommClosedError  # noqa: PLC0415

        futures = [self.client.submit(function, job, pure=False, retries=RETRIES) for job in jobs]
        places = {future.key: at for at, future in enumerate(futures)}
        try:
            for future in as_completed(futures):  # type: ignore[no-untyped-call]
                yield places[future.key], future.result()
                future.release()
        except KilledWorker as error:
            raise InputError("workers", _line(error), _MEND) from None
        except (CancelledError, CommClosedError):
            mend = "start it, and replay again: what was found is kept"
            raise InputError("workers", "their scheduler went away", mend) from None
        except RuntimeError as error:
            if _FOREIGN not in str(error):
                raise
            mend = "install the version of this process where scheduler and workers run"
            raise InputError("workers", "they do not know what they are asked for", mend) from None
        finally:
            if self.client.status == "running":
                self.client.cancel(futures)  # type: ignore[no-untyped-call]


def require_cluster() -> None:
    """Raise MissingExtraError unless Dask's workers can be used."""
    try:
        import distributed  # noqa: F401, PLC0415  optional and heavy
        import fsspec  # noqa: F401, PLC0415
    except ImportError:
        raise MissingExtraError(
            "--workers and --cluster need the cluster extra; "
            "install it: pip install 'residency-monitor[cluster]'"
        ) from None


@contextmanager
def local_workers(count: int) -> Iterator[Cluster]:
    """Have so many processes of this machine. Raises InputError, MissingExtraError."""
    require_cluster()
    import dask  # noqa: PLC0415  optional and heavy
    from distributed import Client, LocalCluster  # noqa: PLC0415

    with ExitStack() as stack:
        with _interrupts_held(), _starting():
            # A worker that is killed leaves what it had fetched.
            scratch = TemporaryDirectory(prefix="residency-workers-", ignore_cleanup_errors=True)
            folder = stack.enter_context(scratch)
            stack.enter_context(dask.config.set({"temporary-directory": folder}))
            cluster = LocalCluster(  # type: ignore[no-untyped-call]
                n_workers=count,
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",
                host="127.0.0.1",
                memory_limit=None,
                env={"TMPDIR": folder},
                silence_logs=logging.CRITICAL,  # what matters is told here
                security=find_spec("cryptography") is not None or None,
            )
            stack.enter_context(cluster)
            client = stack.enter_context(Client(cluster))  # type: ignore[no-untyped-call]
        yield Cluster(client)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let Ctrl-C wait, and never reach processes that are begun in here: it is this one that ends them."""
    resource_tracker.ensure_running()  # it would let signals through again, where it is begun first
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _starting() -> Iterator[None]:
    """Turn what Dask says of workers that cannot be started into one line."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        cause = error.__cause__ or error
        raise InputError("workers", f"they could not be started ({_line(cause)})", _MEND) from None


@contextmanager
def cluster_at(address: str) -> Iterator[Cluster]:
    """Have the workers of a scheduler. Raises InputError, MissingExtraError."""
    require_cluster()
    from distributed import Client  # noqa: PLC0415  optional and heavy

    with _quiet():
        try:
            client = Client(address, timeout=_WAIT_SECONDS)  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            raise InputError(address, _line(error), "check the address of --cluster") from None
        with client:
            yield Cluster(client)


@contextmanager
def _quiet() -> Iterator[None]:
    """Let Dask say nothing of its own: what matters is told here."""
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _line(error: BaseException) -> str:
    """Return what a library says as one line of bounded length."""
    return " ".join(str(error).split())[:200] or type(error).__name__
