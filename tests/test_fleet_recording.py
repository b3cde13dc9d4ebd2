"""Recorders of a fleet on a real broker: they are killed, come and go under load, and find the disk full."""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from monitor.findings import Book
from monitor.fleet.parcels import Judged, Said, encode
from monitor.fleet.tenants import partition_of
from monitor.types import Decision, Subject
from tests.brokers_kit import SECONDS, Brokers, brokers
from tests.disk_kit import unshared
from tests.findings_kit import decide
from tests.fleet_children import Recorder, recorder
from tests.fleet_kit import figures, found, judged, knowledge, lines, plan, recorded_lines

pytestmark = pytest.mark.enable_socket

PARTITIONS = 3
TENANTS = (None, "acme", "beta", "gamma", "delta")
COUNT = 1_500


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    with brokers(tmp_path_factory.mktemp("kafka")) as made:
        yield made


@pytest.fixture
def topic(cluster: Brokers, request: pytest.FixtureRequest) -> str:
    name = f"decisions-{request.node.name}"
    cluster.topic(name, PARTITIONS)
    return name


def decisions(count: int = COUNT) -> list[Decision]:
    """Return decisions of all tenants, told apart by their ports."""
    return [
        decide(at, port=1_024 + at, subject=Subject(TENANTS[at % len(TENANTS)], "backend", "crm"))
        for at in range(count)
    ]


def publish(cluster: Brokers, topic: str, said: Sequence[Said]) -> None:
    """Publish what correlators say, each tenant's in its partition."""
    producer = Producer({"bootstrap.servers": cluster.addresses, "enable.idempotence": True, "log_level": 0})
    for each in said:
        assert isinstance(each, Judged)
        tenant = each.decision.connection.subject.tenant
        producer.produce(topic, encode(each), partition=partition_of(tenant, PARTITIONS))
    assert producer.flush(SECONDS) == 0


def wait(done: Callable[[], bool], *recorders: Recorder) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + SECONDS
    while not done():
        said = [each.log.read_text("utf-8")[-2_000:] for each in recorders]
        assert time.monotonic() < deadline, said
        time.sleep(0.1)


def count(root: Path) -> int:
    """Return how many decisions are recorded, counted by lines of payload files."""
    return sum(
        len(path.read_bytes().splitlines()) for path in root.glob("p*/ledger/*/payloads/violation/*.jsonl")
    )


def has_more(root: Path, least: int) -> bool:
    """Tell whether more is recorded than there was."""
    return count(root) > least


def check(root: Path, wanted: list[Decision]) -> None:
    """Compare with what one process makes of the same decisions."""
    assert recorded_lines(root) == lines(wanted)
    alone = Book(knowledge().policy)
    for each in wanted:
        alone.offer(each)
    assert figures(found(root)) == figures(alone.findings())


def test_kills_in_the_middle_of_batches_change_nothing(cluster: Brokers, topic: str, tmp_path: Path) -> None:
    wanted, (folder, where) = decisions(), set_up(cluster, topic, tmp_path)
    said = judged(wanted)
    root = plan(folder).root
    for part in range(3):  # each time something new has to come, while it is killed
        publish(cluster, topic, said[part * COUNT // 3 : (part + 1) * COUNT // 3])
        before = count(root)
        with recorder(where, folder, f"killed {part}") as killed:
            wait(partial(has_more, root, before), killed)
            killed.kill()
    publish(cluster, topic, said[: COUNT // 2])  # as a correlator that was killed says it once more
    with recorder(where, folder, "last") as last:
        wait(lambda: count(root) >= COUNT, last)
        wait(lambda: not lag(cluster, topic), last)
        last.end()
    check(root, wanted)


def test_recorders_come_and_go_under_load(cluster: Brokers, topic: str, tmp_path: Path) -> None:
    wanted, (folder, where) = decisions(), set_up(cluster, topic, tmp_path)
    said = judged(wanted)
    root = plan(folder).root
    with ExitStack() as stack:
        first = stack.enter_context(recorder(where, folder, "first"))
        for at in range(0, COUNT, 100):
            publish(cluster, topic, said[at : at + 100])
            time.sleep(0.1)
            if at == 300:
                second = stack.enter_context(recorder(where, folder, "second"))
        wait(lambda: "partition taken" in second.log.read_text("utf-8"), first, second)
        publish(cluster, topic, said[300:700])
        first.end()
        wait(lambda: count(root) >= COUNT and not lag(cluster, topic), second)
        second.end()
    check(root, wanted)


def test_a_full_disk_holds_decisions_up_and_loses_none(cluster: Brokers, topic: str, tmp_path: Path) -> None:
    wanted, (folder, where) = decisions(), set_up(cluster, topic, tmp_path)
    mount = f'mount -t tmpfs -o size=12m tmpfs "{folder}" && exec "$@"'
    with recorder(where, folder, "full", tuple(unshared("sh", "-c", mount, "sh"))) as one:
        inside = Path(f"/proc/{one.process.pid}/root{folder}")
        root = plan(inside).root
        wait(lambda: len(list(root.glob("p*/ledger/acme/checkpoint"))) == 1, one)
        with (inside / "filler").open("wb", 0) as filler, suppress(OSError):
            while True:
                filler.write(b"x" * 4_096)
        publish(cluster, topic, judged(wanted))
        wait(lambda: "make room" in one.log.read_text("utf-8"), one)
        assert count(root) < COUNT
        assert lag(cluster, topic)
        (inside / "filler").unlink()
        wait(lambda: count(root) >= COUNT and not lag(cluster, topic), one)
        with in_use(inside) as disk:  # which goes with the process that mounted it
            one.end()
            shutil.copytree(disk, tmp_path / "copy")
    check(plan(tmp_path / "copy").root, wanted)


@contextmanager
def in_use(folder: Path) -> Iterator[Path]:
    """Keep a folder's disk, whoever else lets it go."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield Path(f"/proc/self/fd/{held}")
    finally:
        os.close(held)


def set_up(cluster: Brokers, topic: str, tmp_path: Path) -> tuple[Path, tuple[str, str]]:
    """Make a folder of a fleet's own; return it, and where to read from."""
    folder = tmp_path / "fleet"
    folder.mkdir()
    return folder, (cluster.addresses, topic)


def lag(cluster: Brokers, topic: str) -> int:
    """Return how many messages the group has not committed yet."""
    reader = Consumer({"bootstrap.servers": cluster.addresses, "group.id": "record", "log_level": 0})
    places = reader.committed([TopicPartition(topic, number) for number in range(PARTITIONS)], SECONDS)
    total = sum(reader.get_watermark_offsets(each, SECONDS)[1] - max(each.offset, 0) for each in places)
    reader.close()
    return total
