"""Workers of a real cluster, objects in a store that speaks S3, and workers that die."""

import copy
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from monitor.batch import tasks
from monitor.batch.workers import Cluster, local_workers
from monitor.files import InputError
from sensors import native
from tests.batch_kit import Both, knowledge, write_cut
from tests.batch_traffic import long_traffic

distributed = pytest.importorskip("distributed", reason="the cluster extra is not installed")

J = TypeVar("J")
R = TypeVar("R")

pytestmark = [
    pytest.mark.skipif(bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"),
    pytest.mark.enable_socket,
    # Those of Dask and its event loop, which are closed later than pytest looks.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


class Deadly:
    """Kills a worker when the first segment was read."""

    def __init__(self, cluster: Cluster, client: Any) -> None:
        self._cluster, self._client = cluster, client
        self.killed: list[int] = []

    def each(self, function: Callable[[J], R], jobs: Sequence[J]) -> Generator[tuple[int, R]]:
        for done in self._cluster.each(function, jobs):
            if function is tasks.read and not self.killed:
                pids = sorted(self._client.run(os.getpid).values())
                os.kill(pids[0], signal.SIGKILL)
                self.killed.append(pids[0])
            yield done


def test_a_worker_that_is_killed_changes_nothing(tmp_path: Path) -> None:
    frames = long_traffic()
    write_cut(tmp_path / "in", frames, [360 * number for number in range(1, 8)])
    both = Both(knowledge(), tmp_path, piece_bytes=25_000)
    with local_workers(2) as cluster:
        deadly = Deadly(cluster, cluster.client)
        assert both.in_parts(tmp_path / "in", deadly) == both.in_one(tmp_path / "in")
    assert len(deadly.killed) == 1
    assert both.said == []


class Unloadable:
    """What a scheduler without this program meets with: a job that it does not know."""

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (object, "unknown")


def test_what_a_killed_worker_had_fetched_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with local_workers(1) as cluster:
        ((_, made),) = cluster.each(tempfile.mkdtemp, [".object"])
        assert Path(made).is_dir()
        assert Path(made).is_relative_to(tmp_path)
        (pid,) = cluster.client.run(os.getpid).values()
        os.kill(pid, signal.SIGKILL)
    assert list(tmp_path.iterdir()) == []


def test_what_a_user_can_mend_comes_back_from_a_worker_as_it_is() -> None:
    error = copy.copy(InputError("s3://a", "no right", "ask"))  # as pickle does
    assert (type(error), str(error), error.mend) == (InputError, "s3://a: no right; ask", "ask")


def test_what_workers_do_not_know_is_one_line() -> None:
    with local_workers(1) as cluster, pytest.raises(InputError, match="install the version of this process"):
        list(cluster.each(repr, [Unloadable()]))


def test_a_scheduler_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from monitor.batch import workers  # noqa: PLC0415

    monkeypatch.setattr(workers, "_WAIT_SECONDS", 1)
    with (
        pytest.raises(InputError, match="check the address of --cluster"),
        workers.cluster_at("tcp://127.0.0.1:9"),
    ):
        pass


def test_without_the_extra_the_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from monitor.batch import workers  # noqa: PLC0415
    from monitor.parquet import MissingExtraError  # noqa: PLC0415

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'residency-monitor\[cluster\]'"):
        workers.require_cluster()
