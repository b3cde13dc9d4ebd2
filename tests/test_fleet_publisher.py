"""From the spool to Kafka: nothing is lost, partitions are in order, what comes twice has its number."""

import contextlib
import http.client
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from confluent_kafka import Consumer, KafkaError, TopicPartition

from monitor.cli import group
from monitor.fleet.parcels import Parcel, decode_parcel
from monitor.fleet.position import read_position
from monitor.fleet.segments import numbers
from monitor.fleet.spool_reading import SpoolReader
from tests import brokers_kit, kafka_servers_kit
from tests.brokers_kit import free_port
from tests.daemon_kit import parsed, total, wait_for
from tests.publish_kit import configured, put

pytestmark = pytest.mark.enable_socket
TOPIC = "residency.observations"
PARTITIONS = 3
SERVERS = {"bootstrap.servers": "127.0.0.1:1"}


@contextlib.contextmanager
def publisher(config: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """Run `residency publish`."""
    command = [sys.executable, "-m", "monitor", "publish", "--config", str(config), *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def ended(process: "subprocess.Popen[str]", number: int = signal.SIGTERM) -> str:
    process.send_signal(number)
    _, said = process.communicate(timeout=15)
    return said


class Topic:
    """Reads a topic from its beginning, as far as it goes."""

    def __init__(self, servers: str) -> None:
        self._consumer = Consumer({
            "bootstrap.servers": servers, "group.id": "test", "enable.auto.commit": False,
            "auto.offset.reset": "earliest", "log_level": 0,
        })  # fmt: skip
        self._consumer.assign([TopicPartition(TOPIC, number, 0) for number in range(PARTITIONS)])
        self.partitions: Mapping[int, list[Parcel]] = {number: [] for number in range(PARTITIONS)}

    def read(self) -> int:
        """Read what there is; return how many there are by now."""
        while (message := self._consumer.poll(0.3)) is not None:
            if message.error() is not None:
                continue
            found = decode_parcel(message.value() or b"")
            assert message.key() == (None if found.slot is None else str(found.slot).encode())
            self.partitions[message.partition() or 0].append(found)
        return sum(map(len, self.partitions.values()))

    def close(self) -> None:
        self._consumer.close()


def expected(put: list[Parcel], partitions: int = PARTITIONS) -> dict[int, list[Parcel]]:
    """What each partition gets."""
    return {
        number: [each for each in put if each.slot is None or each.slot % partitions == number]
        for number in range(partitions)
    }


def without_doubles(found: Mapping[int, list[Parcel]]) -> dict[int, list[Parcel]]:
    """What the correlator takes: in each partition, what has a number above the last one's."""
    taken: dict[int, list[Parcel]] = {}
    for partition, parcels in found.items():
        last = -1
        taken[partition] = []
        for each in parcels:
            if each.number > last:
                taken[partition].append(each)
                last = each.number
    return taken


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[brokers_kit.Brokers]:
    with brokers_kit.brokers(tmp_path_factory.mktemp("brokers")) as made:
        yield made


@contextlib.contextmanager
def topic(cluster: brokers_kit.Brokers, monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[Topic]:
    monkeypatch.setattr(sys.modules[__name__], "TOPIC", name)
    cluster.topic(name, PARTITIONS)
    made = Topic(cluster.addresses)
    yield made
    made.close()


def test_once_drains_the_spool_and_ends(
    cluster: brokers_kit.Brokers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with topic(cluster, monkeypatch, "once") as there:
        config = configured(tmp_path, cluster.addresses, topic=TOPIC)
        sent = put(tmp_path, range(500))
        with publisher(config, "--once") as process:
            _, said = process.communicate(timeout=30)
        assert (process.returncode, "Traceback" in said) == (0, False)
        there.read()
        assert there.partitions == expected(sent)
        assert SpoolReader(tmp_path / "spool").read() == []


def test_brokers_that_were_away_get_everything_in_order(
    cluster: brokers_kit.Brokers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with topic(cluster, monkeypatch, "away") as there:
        config = configured(tmp_path, cluster.addresses, topic=TOPIC)
        sent = put(tmp_path, range(300))
        with publisher(config) as process:
            wait_for(lambda: there.read() >= 300, "the first")
            cluster.nodes[0].kill()
            sent += put(tmp_path, range(300, 600))
            place = read_position(tmp_path / "spool")
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(4)
            assert read_position(tmp_path / "spool") == place
            cluster.nodes[0].start()
            cluster.ready()
            sent += put(tmp_path, range(600, 700))
            whole = sum(map(len, expected(sent).values()))
            wait_for(lambda: there.read() >= whole, "the rest", 60)
            said = ended(process)
        assert process.returncode == 0
        assert there.partitions == expected(sent)
        assert said.count("not published") == said.count("published again") == 1


def test_one_that_is_killed_says_some_again_with_the_same_numbers(
    cluster: brokers_kit.Brokers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with topic(cluster, monkeypatch, "killed") as there:
        config = configured(tmp_path, cluster.addresses, topic=TOPIC, options={"linger.ms": 0})
        sent: list[Parcel] = []
        for start in range(3):
            sent += put(tmp_path, range(4_000 * start, 4_000 * (start + 1)))
            before = there.read()
            with publisher(config) as process:
                wait_for(lambda: there.read() > before, "some")  # noqa: B023  called at once
                ended(process, signal.SIGKILL)
        with publisher(config, "--once") as process:
            assert process.wait(60) == 0
        assert there.read() >= sum(map(len, expected(sent).values()))
        assert without_doubles(there.partitions) == expected(sent)
        assert len(numbers(tmp_path / "spool")) == 1


def test_one_whose_brokers_are_away_ends_though_no_more_goes_on_its_way(
    cluster: brokers_kit.Brokers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with topic(cluster, monkeypatch, "full") as there:
        few = {"queue.buffering.max.messages": 10}
        config = configured(tmp_path, cluster.addresses, topic=TOPIC, options=few)
        sent = put(tmp_path, range(50))
        with publisher(config) as process:
            wait_for(lambda: there.read() >= 50, "the first")
            cluster.nodes[0].kill()
            sent += put(tmp_path, range(50, 300))
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(2)
            ended(process)
        assert process.returncode == 0
        cluster.nodes[0].start()
        cluster.ready()
        with publisher(config, "--once") as process:
            assert process.wait(60) == 0
        there.read()
        assert without_doubles(there.partitions) == expected(sent)


def asked(port: int, path: str) -> tuple[int, str]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    client.request("GET", path)
    answer = client.getresponse()
    found = answer.status, answer.read().decode()
    client.close()
    return found


def test_metrics_say_what_waits_and_readiness_why_it_is_not_published(tmp_path: Path) -> None:
    with kafka_servers_kit.brokers() as mock:
        port = free_port()
        config = configured(tmp_path, "127.0.0.1:1", metrics={"port": port})
        put(tmp_path, range(200))
        size = sum(each.stat().st_size for each in (tmp_path / "spool").glob("*.spool"))

        def value(name: str, **labels: str) -> float:
            return total(parsed(asked(port, "/metrics")[1]), f"residency_{name}", **labels)

        with publisher(config) as process:
            wait_for(lambda: opened(port) and value("publisher_failing") == 1, "it to fail")
            assert value("publisher_waiting_bytes") == size
            assert value("publisher_failures_total") >= 1
            assert value("publisher_last_delivery_timestamp_seconds") == 0
            status, why = asked(port, "/readyz")
            assert (status, why.startswith("not published: ")) == (503, True)
            assert asked(port, "/healthz")[0] == 200
            good = config.read_text("utf-8").replace("127.0.0.1:1", mock.addresses[0])
            config.write_text(good.replace("version: 1", "version: 7"), "utf-8")
            process.send_signal(signal.SIGHUP)
            wait_for(lambda: value("reloads_total", reason="failed") == 1, "a reload that fails")
            assert value("reload_failed") == 1
            config.write_text(good, "utf-8")
            process.send_signal(signal.SIGHUP)
            wait_for(lambda: value("publisher_waiting_bytes") == 0, "all to be published", 40)
            assert value("publisher_delivered_total") >= 200
            assert value("publisher_last_delivery_timestamp_seconds") > time.time() - 60
            assert (value("publisher_failing"), value("reload_failed")) == (0, 0)
            wait_for(lambda: asked(port, "/readyz")[0] == 200, "it to be ready")
            assert "the old one stays in use" in ended(process)
        assert process.returncode == 0


def opened(port: int) -> bool:
    try:
        return asked(port, "/healthz")[0] == 200
    except ConnectionRefusedError:
        return False


def test_a_reload_goes_on_with_what_is_on_its_way(
    cluster: brokers_kit.Brokers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with topic(cluster, monkeypatch, "reloaded") as there:
        config = configured(tmp_path, cluster.addresses, topic=TOPIC)
        sent: list[Parcel] = []
        with publisher(config) as process:
            sent += put(tmp_path, range(200))
            wait_for(lambda: there.read() >= 200, "the first")
            for start in range(200, 3_000, 400):
                sent += put(tmp_path, range(start, start + 400))
                time.sleep(0.2)
                process.send_signal(signal.SIGHUP)
            whole = sum(map(len, expected(sent).values()))
            wait_for(lambda: there.read() >= whole, "the rest", 40)
            assert ended(process).count('"reloaded"') >= 1
        assert without_doubles(there.partitions) == expected(sent)


def test_errors_of_brokers_lose_nothing_and_nothing_is_put_out_of_order(tmp_path: Path) -> None:
    with kafka_servers_kit.brokers() as mock:
        config = configured(tmp_path, mock.addresses[0], options={"retry.backoff.ms": 10})
        sent = put(tmp_path, range(200))
        mock.answer(
            KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.NOT_ENOUGH_REPLICAS,
            KafkaError.TOPIC_AUTHORIZATION_FAILED,
            KafkaError.REQUEST_TIMED_OUT, KafkaError.MSG_SIZE_TOO_LARGE,
        )  # fmt: skip
        with publisher(config, "--once") as process:
            _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        consumer = Consumer({"bootstrap.servers": mock.addresses[0], "group.id": "g", "log_level": 0})
        found: dict[int, list[Parcel]] = {
            each: [] for each in consumer.list_topics(TOPIC).topics[TOPIC].partitions
        }
        consumer.assign([TopicPartition(TOPIC, number, 0) for number in found])
        while (message := consumer.poll(1.0)) is not None:
            found[message.partition() or 0].append(decode_parcel(message.value() or b""))
        consumer.close()
        assert without_doubles(found) == expected(sent, len(found))


@pytest.mark.parametrize(
    ("kafka", "problem"),
    [
        ({"options": {"acks": 1}}, "acks is set by this program"),
        ({"options": {"sasl.password": "x"}}, "a password in the configuration"),
        ({"options": {"no.such.option": 1}}, 'No such configuration property: "no.such.option"'),
        ({"password_file": "missing"}, "missing: no such file"),
    ],
)
def test_what_cannot_be_used_is_said_at_the_start(
    tmp_path: Path, kafka: dict[str, Any], problem: str
) -> None:
    config = configured(tmp_path, "127.0.0.1:1", **kafka)
    result = CliRunner().invoke(group, ["publish", "--config", str(config)])
    assert result.exit_code == 2
    assert problem in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"publish": None}, "nothing is published; add `publish:`"),
        ({"kafka": {"options": {}}}, "no bootstrap.servers"),
        ({"sinks": [{"type": "jsonl", "name": "f", "path": "x"}], "judge": False}, "sinks get nothing"),
        ({"processes": True, "judge": False}, "nobody asks for processes"),
        ({"spool": "captures/in"}, "it would be written into the folder that is watched"),
        ({"key": "etc/none.key"}, "etc/none.key: no such file"),
        ({"linger_ms": 1}, "linger_ms"),
        ({"kafka": {"options": SERVERS, "metrics": {"port": 9477}}}, "the daemon listens on port 9477"),
        (
            {"kafka": {"options": SERVERS, "metrics": {"port": 1, "address": "localhost"}}},
            "'localhost' is not an IP address; write 127.0.0.1",
        ),
    ],
)
def test_mistakes_of_a_configuration(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    config = configured(tmp_path, "127.0.0.1:1")
    written = yaml.safe_load(config.read_text("utf-8"))
    for key, value in changes.items():
        (written["publish"] if key in {"judge", "spool", "key", "linger_ms"} else written)[key] = value
    config.write_text(yaml.safe_dump(written), "utf-8")
    result = CliRunner().invoke(group, ["check", "--config", str(config)])
    assert result.exit_code == 2
    assert problem in result.output


def test_a_configuration_without_a_topic_is_refused(tmp_path: Path) -> None:
    config = configured(tmp_path, "127.0.0.1:1")
    written = yaml.safe_load(config.read_text("utf-8"))
    for key in ("kafka", "publish"):
        del written[key]
        config.write_text(yaml.safe_dump(written), "utf-8")
        result = CliRunner().invoke(group, ["publish", "--config", str(config)])
        assert (result.exit_code, f"no `{key}:`" in result.stderr) == (2, True)
