"""Workers of a real cluster, objects in a store that speaks S3, and workers that die."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from monitor.batch import tasks
from monitor.batch.workers import Cluster, local_workers
from monitor.files import InputError
from sensors import native
from tests.batch_kit import Both, knowledge, nano_pcap, write_cut
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

    def each(self, function: Callable[[J], R], jobs: Sequence[J]) -> Iterator[tuple[int, R]]:
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


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a bucket's file system, in a server on this machine."""
    server_module = pytest.importorskip("moto.server", reason="moto is not installed")
    s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem()
    system.mkdir("captures")
    yield system
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def test_objects_are_replayed_as_files_are(bucket: Any, tmp_path: Path) -> None:
    frames = long_traffic()
    write_cut(tmp_path / "in", frames, [1_000, 2_000])
    for file in (tmp_path / "in").iterdir():
        bucket.pipe(f"captures/2026/{file.name}", file.read_bytes())
    bucket.pipe("captures/2026/notes.txt", b"no capture")
    both = Both(knowledge(), tmp_path)
    one = both.in_one(tmp_path / "in")
    parts = both.in_parts("s3://captures/2026/")
    for name in ("decisions.jsonl", "findings.jsonl", "connections.parquet"):
        assert parts[name] == one[name]
    assert parts["summary.json"] == (one["summary.json"] or b"").replace(
        str(tmp_path / "in").encode(), b"s3://captures/2026/"
    )
    bucket.pipe("captures/2026/egress-000.pcap", nano_pcap(frames[:900]))
    assert both.in_parts("s3://captures/2026/")["summary.json"] != parts["summary.json"]
    with pytest.raises(InputError, match="there is no capture there"):
        both.in_parts("s3://captures/2025/")


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
