"""A scheduler and workers in processes of their own, as `dask scheduler` and `dask worker` start them."""

import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from pathlib import Path
from signal import SIGKILL
from typing import TypeVar

import msgspec
import pytest

from monitor.batch import tasks, workers
from monitor.batch.manifest import MANIFEST, Manifest
from monitor.batch.run import Batch
from monitor.commands import replay_parts
from sensors import native
from tests.batch_kit import POLICY, Form, any_pcapng, nano_pcap, write_cut, written
from tests.batch_traffic import long_traffic
from tests.rejudge_kit import run

distributed = pytest.importorskip("distributed", reason="the cluster extra is not installed")

J = TypeVar("J")
R = TypeVar("R")

pytestmark = [
    pytest.mark.skipif(bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"),
    pytest.mark.enable_socket,
    # Those of Dask and its event loop, which are closed later than pytest looks.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

_DASK = (sys.executable, "-m", "dask")
_WORKER = ("--nworkers", "1", "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")


class Processes:
    """A scheduler, and two workers in folders of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Return when both workers are there."""
        about = self._folder / "scheduler.json"
        self.scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", *_file(about)
        )
        self.workers = [self._start("worker", *_file(about), *_WORKER, name=f"worker-{n}") for n in (1, 2)]
        with distributed.Client(scheduler_file=about, timeout=60) as client:
            client.wait_for_workers(2, timeout=60)
            self.address = client.scheduler.address

    def count(self) -> int:
        """How many workers the scheduler knows."""
        with distributed.Client(self.address) as client:
            return len(client.scheduler_info(n_workers=-1)["workers"])

    def close(self) -> None:
        for process in reversed(self._started):
            process.kill()
            process.wait()

    def _start(self, program: str, *options: str, name: str = "scheduler") -> subprocess.Popen[bytes]:
        (self._folder / name).mkdir()
        with (self._folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                (*_DASK, program, *options), cwd=self._folder / name, stdout=log, stderr=log
            )
        self._started.append(process)
        return process


def _file(about: Path) -> tuple[str, str]:
    return "--scheduler-file", str(about)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    (tmp_path / "dask").mkdir()
    made = Processes(tmp_path / "dask")
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("form", [nano_pcap, any_pcapng])
def test_a_worker_that_is_killed_in_the_middle_changes_no_byte(
    form: Form, processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cut(tmp_path / "in", long_traffic(), [2_000], form)
    each = workers.Cluster.each
    read_by_then: list[int] = []

    def deadly(
        self: workers.Cluster, function: Callable[[J], R], jobs: Sequence[J]
    ) -> Generator[tuple[int, R]]:
        for done in each(self, function, jobs):
            if function is tasks.read and not read_by_then:
                read_by_then.append(len(list((tmp_path / "cache").glob("*/*.said"))))
                processes.workers[0].send_signal(SIGKILL)
            yield done

    monkeypatch.setattr(workers.Cluster, "each", deadly)
    monkeypatch.setattr(replay_parts, "Batch", partial(Batch, piece_bytes=4_000))
    options = "replay", tmp_path / "in", "--policy", POLICY, "--out"
    one = run(*options, tmp_path / "one")
    cache = tmp_path / "cache"
    parts = run(*options, tmp_path / "parts", "--cluster", processes.address, "--cache", cache)
    assert (parts.exit_code, parts.stdout, parts.stderr) == (one.exit_code, one.stdout, one.stderr)
    assert written(tmp_path / "parts") == written(tmp_path / "one")
    manifest = msgspec.json.decode((cache / MANIFEST).read_bytes(), type=Manifest)
    assert 0 < read_by_then[0] < len(manifest.segments)
    assert processes.workers[0].wait() == -SIGKILL
    assert processes.count() == 1


def test_a_scheduler_that_goes_away_is_one_line(
    processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cut(tmp_path / "in", long_traffic(), [2_000])
    each = workers.Cluster.each

    def deadly(
        self: workers.Cluster, function: Callable[[J], R], jobs: Sequence[J]
    ) -> Generator[tuple[int, R]]:
        if function is tasks.read:
            processes.scheduler.kill()
            processes.scheduler.wait()
        yield from each(self, function, jobs)

    monkeypatch.setattr(workers.Cluster, "each", deadly)
    monkeypatch.setattr(workers, "_WAIT_SECONDS", 5)
    cluster = "--cluster", processes.address, "--cache", tmp_path / "cache"
    result = run("replay", tmp_path / "in", *cluster)
    mend = "start it, and replay again: what was found is kept"
    line = f"residency: workers: their scheduler went away; {mend}\n"
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", line)


def test_a_cluster_without_workers_is_told(processes: Processes) -> None:
    for worker in processes.workers:
        worker.kill()
        worker.wait()
    with workers.cluster_at(processes.address) as cluster:
        deadline = time.monotonic() + 60
        while cluster.count() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert cluster.count() == 0
