"""The daemon as a real process, on two interfaces in a network namespace of its own, and packets to send.

Nothing here waits blindly: a wait is for a line of the log, or a value of a metric, and has an end.
"""

import ctypes
import functools
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import dpkt
import msgspec
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from monitor.types import Decision
from pcaps.builder.container import Record, pcap
from sensors.confinement import support

ROOT = Path(__file__).parents[1]
POLICY = ROOT / "policies/eu-crm.yaml"
DEMO = ROOT / "pcaps/demo/traffic.pcap"
USER = "nobody"
SENSOR = "edge"
PORT = 9_477  # the namespace is its own, and so are all ports of it
WAIT_SECONDS = 15.0
POLL_SECONDS = 0.02
RECEIVER, SENDER = "in0", "out0"
SECOND_NS = 1_000_000_000
_NEW_NET = 0x40000000

Row = frozenset[tuple[str, str]]
Samples = dict[str, dict[Row, float]]
Found = TypeVar("Found")


def wait_for(look: Callable[[], Found], what: str, seconds: float = WAIT_SECONDS) -> Found:
    """Return what ``look`` returns once it is true; fail after so long."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            pytest.fail(f"waited {seconds} s for {what}")
        time.sleep(POLL_SECONDS)


def run(*command: str) -> str:
    """Run a program to its end; return what it says."""
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, (command, ran.stderr)
    return ran.stdout


class Wire:
    """A network namespace with two interfaces, of which one hears what the other sends."""

    def __init__(self, name: str) -> None:
        self.name = name
        run("ip", "netns", "add", name)
        run(
            *self.inside(
                "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"
            )
        )
        run("ip", "-n", name, "link", "set", "lo", "up")
        self.lay()

    def lay(self) -> None:
        """Make both interfaces, and bring them up. The kernel itself sends nothing on them."""
        run("ip", "-n", self.name, "link", "add", SENDER, "type", "veth", "peer", "name", RECEIVER)
        for interface in (SENDER, RECEIVER):
            self.link("set", interface, "arp", "off", "up")

    def link(self, *words: str) -> None:
        """Change interfaces, as `ip link` does."""
        run("ip", "-n", self.name, "link", *words)

    def inside(self, *command: str) -> list[str]:
        """Return a command that runs a command in the namespace; the process is the command's."""
        return ["nsenter", f"--net=/run/netns/{self.name}", *command]

    def send(self, capture: Path, *options: str) -> None:
        """Send a capture's packets, by default at the times that they have."""
        run(*self.inside("tcpreplay", "-q", "-i", SENDER, *options, str(capture)))

    def sending(self, capture: Path, *options: str) -> "subprocess.Popen[bytes]":
        """Begin to send."""
        command = self.inside("tcpreplay", "-q", "-i", SENDER, *options, str(capture))
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def sent(self) -> int:
        """Return how many packets went out so far."""
        (said,) = json.loads(run(*self.inside("ip", "-s", "-j", "link", "show", SENDER)))
        return int(said["stats64"]["tx"]["packets"])

    def connect(self, port: int = PORT) -> socket.socket:
        """Return a connection to a port of the namespace's loopback."""
        made: list[socket.socket] = []

        def enter() -> None:  # only this thread, which ends with it
            with Path(f"/run/netns/{self.name}").open("rb") as namespace:
                assert ctypes.CDLL(None).setns(namespace.fileno(), _NEW_NET) == 0
            with suppress(OSError):
                made.append(socket.create_connection(("127.0.0.1", port), 5))

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if not made:
            raise ConnectionRefusedError(self.name)
        return made[0]

    def take_down(self) -> None:
        """Remove the namespace, with all that is in it."""
        run("ip", "netns", "del", self.name)


class Daemon:
    """`residency run` in a namespace, and what it says. Whom it becomes may read its folder."""

    def __init__(self, wire: Wire, folder: Path) -> None:
        self.wire = wire
        self.folder = folder
        self.ledger, self.state = folder / "ledger", folder / "state"
        self.config = folder / "residency.yaml"
        self.policy = folder / "etc/policy.yaml"
        self._errors = folder / "stderr"
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "etc").mkdir(exist_ok=True)
        self.policy.write_text(POLICY.read_text("utf-8"), "utf-8")

    def configure(self, **changes: Any) -> None:
        """Write a configuration: a plain one, with changes of whole keys."""
        config: dict[str, Any] = {
            "version": 1,
            "sensor": SENSOR,
            "capture": {"interfaces": [RECEIVER], "ring_bytes": "16MiB"},
            "policy": str(self.policy),
            "ledger": {"folder": str(self.ledger), "key": str(self.folder / "keys/ledger.key")},
            "state": str(self.state),
            "metrics": {"port": PORT},
            "security": {"user": USER},
        }
        self.config.write_text(yaml.safe_dump(config | changes), "utf-8")

    @property
    def command(self) -> list[str]:
        """The command that runs it."""
        return [sys.executable, "-m", "monitor", "run", "--config", str(self.config)]

    def start(self, *command: str, **environment: str) -> None:
        """Start it, by the command given or its own, and wait until it captures."""
        self._errors.write_bytes(b"")
        self.launch(*command, **environment)
        self.wait_log("started")

    def launch(self, *command: str, **environment: str) -> None:
        """Start it."""
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                self.wire.inside(*(command or self.command)),
                cwd=ROOT,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
            )

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The process."""
        assert self._process is not None
        return self._process

    def tell(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def end(self, number: int = signal.SIGTERM, seconds: float = WAIT_SECONDS) -> int:
        """Send it a signal; return its exit status. ``lasted`` is then how long that took, in seconds."""
        began = time.monotonic()
        self.tell(number)
        status = self.process.wait(seconds)
        self.lasted = time.monotonic() - began
        return status

    def clear(self) -> None:
        """Kill it, if it is still there."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def stderr(self) -> str:
        """Return all that it wrote."""
        return self._errors.read_text("utf-8")

    def log(self) -> list[dict[str, Any]]:
        """Return the whole lines of its log; each has to be JSON."""
        text = self.stderr()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def said(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of one event."""
        return [line for line in self.log() if line["event"] == event]

    def wait_log(self, event: str, count: int = 1, seconds: float = WAIT_SECONDS) -> dict[str, Any]:
        """Wait for the so-many-th line of an event."""

        def look() -> list[dict[str, Any]]:
            assert self.process.poll() is None or len(self.said(event)) >= count, self.stderr()
            return self.said(event)[count - 1 : count]

        return wait_for(look, f"{event!r}", seconds)[0]

    def get(self, path: str) -> tuple[int, str]:
        """Ask the endpoint; return the status and the body."""
        client = http.client.HTTPConnection("127.0.0.1", PORT)
        with self.wire.connect() as client.sock:
            client.request("GET", path)
            answer = client.getresponse()
            return answer.status, answer.read().decode()

    def samples(self) -> Samples:
        """Return all series, by name and labels, the sensor's left out."""
        status, text = self.get("/metrics")
        assert status == 200, text
        return parsed(text)

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of the series that have these labels."""
        return total(self.samples(), name, **labels)

    def wait_metric(self, name: str, least: float, seconds: float = WAIT_SECONDS, **labels: str) -> float:
        """Wait until a metric is at least so high; return it."""
        last = [0.0]

        def look() -> bool:
            last[0] = self.metric(name, **labels)
            return last[0] >= least

        wait_for(look, f"{name} {labels} to be {least}", seconds)
        return last[0]

    def wait_packets(self, count: int, seconds: float = WAIT_SECONDS) -> None:
        """Wait until so many packets were read, or lost; never more."""

        def look() -> bool:
            samples = self.samples()
            read = total(samples, "residency_packets_total")
            lost = total(samples, "residency_lost_packets_total", reason="ring")
            assert read + lost <= count, (read, lost)
            return read + lost == count

        wait_for(look, f"{count} packets", seconds)

    def lines(self, *, ended: bool | None = None) -> list[Decision]:
        """Return the decisions that were written: those on ended connections, on open ones, or all."""
        found = [
            msgspec.convert(payload["decision"], Decision)
            for payload in self.payloads("*")
            if "decision" in payload
        ]
        return [each for each in found if ended is None or each.is_open != ended]

    def payloads(self, payload_class: str) -> list[dict[str, Any]]:
        """Return what the ledgers hold of a class: file by file, each line with its end."""
        paths = sorted(self.ledger.glob(f"*/payloads/{payload_class}/*.jsonl"))
        return [json.loads(line)["payload"] for path in paths for line in whole_lines(path)]

    def windows(self) -> list[dict[str, Any]]:
        """Return the statements of how much could be seen."""
        seen = {each["until_ns"]: each for each in self.payloads("coverage") if each["type"] == "coverage"}
        return list(seen.values())  # every tenant's ledger has them

    def resident_bytes(self) -> int:
        """Return how much memory it has."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text("ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self) -> float:
        """Return how long it has worked."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def whole_lines(path: Path) -> list[bytes]:
    """Return a file's lines; the last one has to be whole, too."""
    data = path.read_bytes()
    assert data == b"" or data.endswith(b"\n"), path
    return data.splitlines()


def parsed(text: str) -> Samples:
    """Return the series of an exposition."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = frozenset((name, value) for name, value in sample.labels.items() if name != "sensor")
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def total(samples: Samples, name: str, **labels: str) -> float:
    """Return the sum of the series that have these labels."""
    wanted = frozenset(labels.items())
    return sum(value for row, value in samples.get(name, {}).items() if row >= wanted)


def records(capture: Path) -> list[Record]:
    """Return a capture's frames."""
    with capture.open("rb") as file:
        return [Record(round(ts * SECOND_NS), frame) for ts, frame in dpkt.pcap.Reader(file)]


def squeezed(capture: Path, seconds: float) -> list[Record]:
    """Return a capture's frames as if they passed in so many seconds, from now on."""
    frames = records(capture)
    first, last = frames[0].ts_ns, frames[-1].ts_ns
    now_ns = time.time_ns()
    scale = seconds * SECOND_NS / (last - first)
    return [Record(now_ns + round((ts_ns - first) * scale), frame) for ts_ns, frame in frames]


def write_capture(path: Path, frames: Iterable[Record]) -> Path:
    """Write a capture."""
    path.write_bytes(pcap(frames, nanosecond=True))
    return path


@functools.cache
def hindrance() -> str:
    """Return why no daemon can be run here, or nothing."""
    if os.geteuid() != 0:
        return "a network namespace needs root"
    if support().missing:
        return f"the native engine is not built: {support().missing}"
    missing = [each for each in ("ip", "nsenter", "sysctl", "tcpreplay") if shutil.which(each) is None]
    if missing:
        return f"not here: {', '.join(missing)}"
    made = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)  # noqa: S607
    return "this root may make no network namespace" if made.returncode else ""


def skip_without_wire() -> None:
    """Skip where no daemon can be run."""
    if hindrance():
        pytest.skip(hindrance())


@contextmanager
def wire() -> Iterator[Wire]:
    """Lay a wire of its own name, and take it down."""
    skip_without_wire()
    made = Wire(f"residency-{os.getpid()}-{next(_numbers)}")
    try:
        yield made
    finally:
        made.take_down()


@contextmanager
def daemon(on: Wire, **changes: Any) -> Iterator[Daemon]:
    """Configure a daemon in a folder of its own, which is removed; nothing of it is left running."""
    folder = Path(tempfile.mkdtemp(prefix="residency-", dir="/tmp"))
    folder.chmod(0o755)
    made = Daemon(on, folder)
    made.configure(**changes)
    try:
        yield made
    finally:
        made.clear()
        shutil.rmtree(folder)


_numbers = iter(range(1_000_000))
