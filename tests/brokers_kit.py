"""Real brokers of Kafka (KRaft) on loopback: one or several, which are killed, and come back with their data.

Their jars come through Maven, once, into build/kafka; where Maven or Java is missing a test is skipped and
says so. `python -m tests.brokers_kit` fetches them.
"""

import fcntl
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

POM = Path(__file__).parent / "kafka" / "pom.xml"
CACHE = Path(__file__).parents[1] / "build" / "kafka"
CLUSTER = "4L6g3nShT-eMCtK--X86sw"  # an id as Kafka writes them
JAVA = (
    *("-Xms64m", "-Xmx400m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)
SECONDS = 60.0  # that brokers may take for anything
_STEP = 0.1
_SETTINGS = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor={copies}
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor={copies}
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
controller.quorum.election.timeout.ms=500
controller.quorum.fetch.timeout.ms=1000
log.index.size.max.bytes=1048576
"""


class NoBrokersError(RuntimeError):
    """There are no brokers to be had here, and why."""


class Broker:
    """One of them: a process, and its data, which outlives it."""

    def __init__(self, folder: Path, node: int, ports: Sequence[tuple[int, int]]) -> None:
        self.node = node
        self.port, controller = ports[node - 1]
        self.data = folder / f"data{node}"
        self._log = folder / f"broker{node}.log"
        self._settings = folder / f"broker{node}.properties"
        self._process: subprocess.Popen[bytes] | None = None
        voters = ",".join(f"{number}@127.0.0.1:{each[1]}" for number, each in enumerate(ports, 1))
        text = _SETTINGS.format(
            node=node,
            voters=voters,
            port=self.port,
            controller=controller,
            data=self.data,
            copies=len(ports),
        )
        self._settings.write_text(text, encoding="utf-8")

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    def format(self) -> subprocess.Popen[bytes]:
        """Begin to prepare its data folder."""
        return self._java("kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", str(self._settings))

    def start(self) -> None:
        """Start it, on the data there is."""
        assert self._process is None
        self._process = self._java("kafka.Kafka", str(self._settings))

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it, at once: nobody needs what it would tidy up."""
        if self._process is not None:
            self._end(signal.SIGKILL)

    def is_running(self) -> bool:
        """Tell whether its process runs."""
        return self._process is not None and self._process.poll() is None

    def said(self) -> str:
        """Return the end of its log."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-4_000:]

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait()
        self._process = None

    def _java(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = ["java", *JAVA, "-cp", f"{libraries()}/*", *arguments]
        with self._log.open("ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


class Brokers:
    """A cluster: controllers and brokers in one process each."""

    def __init__(self, nodes: Sequence[Broker]) -> None:
        self.nodes = tuple(nodes)

    @property
    def addresses(self) -> str:
        """Where to find them, as `bootstrap.servers` has it."""
        return ",".join(each.address for each in self.nodes)

    def topic(self, name: str, partitions: int = 1, **settings: str | int) -> None:
        """Make a topic, of as many copies as there are brokers; settings with "_" for "."."""
        wanted = {key.replace("_", "."): str(value) for key, value in settings.items()}
        new = NewTopic(name, partitions, len(self.nodes), config=wanted)
        admin = self._admin()
        for result in admin.create_topics([new], operation_timeout=SECONDS).values():
            result.result()
        self._wait(lambda: self._has_leaders(admin, name, partitions), f"{name} has no leaders")

    def leader(self, topic: str, partition: int = 0) -> Broker:
        """Return the broker that leads a partition."""
        found = self._admin().list_topics(topic, SECONDS).topics[topic].partitions[partition].leader
        return next(each for each in self.nodes if each.node == found)

    def ready(self) -> None:
        """Wait until all that run know each other."""
        running = sum(each.is_running() for each in self.nodes)
        self._wait(lambda: self._known() == running, "the brokers do not come up")

    def _known(self) -> int:
        try:
            return len(self._admin().list_topics(timeout=1.0).brokers)
        except KafkaException:
            return 0

    @staticmethod
    def _has_leaders(admin: AdminClient, topic: str, partitions: int) -> bool:
        found = admin.list_topics(topic, SECONDS).topics[topic].partitions
        return len(found) == partitions and all(each.leader > 0 for each in found.values())

    def _admin(self) -> AdminClient:
        running = ",".join(each.address for each in self.nodes if each.is_running())
        return AdminClient({"bootstrap.servers": running, "log_level": 0})

    def _wait(self, done: Callable[[], bool], problem: str) -> None:
        deadline = time.monotonic() + SECONDS
        while not done():
            assert time.monotonic() < deadline, f"{problem}: {[each.said() for each in self.nodes]}"
            time.sleep(_STEP)


@contextmanager
def brokers(folder: Path, count: int = 1) -> Iterator[Brokers]:
    """Run so many brokers, with their data in the folder. Skips the test where there are none to be had."""
    try:
        libraries()
    except NoBrokersError as error:
        pytest.skip(str(error))
    ports = _free_ports(2 * count)
    nodes = [Broker(folder, number, ports[:]) for number in range(1, count + 1)]
    for formatting in [each.format() for each in nodes]:
        assert formatting.wait(SECONDS) == 0, [each.said() for each in nodes]
    with ExitStack() as stack:
        for each in nodes:
            stack.callback(each.stop)
            each.start()
        cluster = Brokers(nodes)
        cluster.ready()
        yield cluster


def libraries() -> Path:
    """Return the folder of Kafka's jars; fetch them where they are not there. Raises NoBrokersError."""
    if shutil.which("java") is None:
        raise NoBrokersError("java is not here: no brokers run (Debian: default-jre-headless)")
    jars = CACHE / "libs"
    if jars.is_dir():
        return jars
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of all tests that run at once, one fetches
        if not jars.is_dir():
            _fetch(jars)
    return jars


def _fetch(jars: Path) -> None:
    program = shutil.which("mvn")
    if program is None:
        raise NoBrokersError("mvn is not here: brokers cannot be fetched (Debian: maven)")
    coming = CACHE / "coming"
    shutil.rmtree(coming, ignore_errors=True)
    command = [
        program,
        "-q",
        "-B",
        "-f",
        str(POM),
        "dependency:copy-dependencies",
        f"-DoutputDirectory={coming}",
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise NoBrokersError(f"mvn could not fetch the brokers: {ran.stdout.strip()[-500:]}")
    coming.rename(jars)  # whole, or not at all


def free_port() -> int:
    """Return a port that nobody uses."""
    return _free_ports(2)[0][0]


def _free_ports(count: int) -> list[tuple[int, int]]:
    """Return pairs of ports that nobody uses."""
    with ExitStack() as stack:
        found: list[int] = []
        for _ in range(count):
            held = stack.enter_context(socket.socket())
            held.bind(("127.0.0.1", 0))
            found.append(held.getsockname()[1])
    return list(zip(found[::2], found[1::2], strict=True))


if __name__ == "__main__":
    try:
        libraries()
    except NoBrokersError as error:
        sys.exit(f"{error}: tests that need brokers are skipped")
