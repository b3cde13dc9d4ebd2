"""A small Internet for live tests: real clients and servers in namespaces, and an egress host between them.

    with live_world(folder) as world:
        with world.capture("one") as path:
            world.ask(Fetch(host="api.openai.com", client="10.20.1.15"))
        replayed = world.replay(path)

Nothing of it reaches the machine's own network, and nothing of it is left at the end.
"""

import os
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from monitor.counts import FlowCount
from monitor.types import Decision
from sensors.observations import Accounting
from tests.live_clients import Answer, Request
from tests.live_floods import LAST_FRAME, write_frames
from tests.live_hosts import proxy_settings, resolver_settings
from tests.live_network import INSIDE, LINK, OUTSIDE, Network, network
from tests.live_places import Place, Program, absent, run, wait_for

ROOT = Path(__file__).parents[1]
POLICY = ROOT / "policies" / "eu-crm.yaml"
PROGRAMS = ("ip", "ss", "setpriv", "sysctl", "dnsmasq", "curl", "tinyproxy", "tcpreplay", "tcpdump")
_TAIL_BYTES = 64 * 1024
_LISTENERS = {"dnsmasq": ("-lun", ":53"), "tinyproxy": ("-ltn", ":3128")}


class Said(msgspec.Struct, frozen=True):
    """What the tests read of `summary.json`."""

    accounting: Accounting
    connections: FlowCount
    lookups: FlowCount
    coverage: dict[str, FlowCount]


class Replayed(NamedTuple):
    """What `residency replay` said of a capture: each decision, and the summary."""

    decisions: tuple[Decision, ...]
    summary: Said

    def of(self, client: str) -> list[Decision]:
        """Return what was decided of one client's connections."""
        return [each for each in self.decisions if each.connection.flow.client == client]


class World:
    """The three namespaces with their servers."""

    def __init__(self, joined: Network, folder: Path, stack: ExitStack) -> None:
        self.network, self.folder = joined, folder
        self.clients, self.egress, self.servers = joined
        self._stack = stack

    def start(self, place: Place, name: str, *command: str | Path) -> Program:
        """Start a program that the world ends, unless it was stopped before; NAME.log gets what it says."""
        program = place.start(self.folder / f"{name}.log", *command)
        self._stack.callback(program.stop)
        return program

    def ask(self, *requests: Request, place: Place | None = None) -> list[Answer]:
        """Have clients do this, in order, and return the answers; they are at ``clients`` by default."""
        said = (place or self.clients).run(*_told(requests))
        return msgspec.json.decode(said, type=list[Answer])

    def begin(self, name: str, *requests: Request, place: Place | None = None) -> Program:
        """Have clients do this while the test goes on; the answers are what the program says at its end."""
        return self.start(place or self.clients, name, *_told(requests))

    def curl(self, client: str, *words: str) -> str:
        """Run curl from a client's address; it looks names up by itself."""
        return self.clients.run("curl", "-sSkm", "10", "--interface", client, *words)

    def inject(self, frames: Path, *words: str, place: Place | None = None, interface: str = LINK) -> int:
        """Send a capture's frames as they are, by default from the clients' side; return how many went.

        ``words`` are tcpreplay's: ``--topspeed``, ``--pps=10000``, ``--loop=3``.
        """
        said = (place or self.clients).run(
            "tcpreplay", *(words or ("--topspeed",)), f"--intf1={interface}", frames
        )
        sent = re.search(r"Successful packets:\s+(\d+)", said)
        assert sent is not None, said
        return int(sent[1])

    def settle(self) -> None:
        """Wait until no client has a TCP connection that still has something to say."""
        alive = ("ss", "-Htan", "state", "connected", "exclude", "time-wait", "exclude", "closed")
        wait_for(lambda: not self.clients.run(*alive), "the clients' connections to end")

    @contextmanager
    def capture(self, name: str, interface: str = INSIDE) -> Iterator[Path]:
        """Write what passes ``egress`` to NAME.pcap, which is whole once the block was left."""
        path = self.folder / f"{name}.pcap"
        words = ("-i", interface, "-w", path, "-U", "-B16384", "-Zroot")
        tcpdump = self.start(self.egress, f"tcpdump-{name}", "tcpdump", *words)
        tcpdump.wait_for(lambda: "listening on" in tcpdump.said(), "tcpdump to listen")
        try:
            yield path
            self.settle()
            beyond = self.servers if interface == OUTSIDE else self.clients
            self.inject(write_frames(self.folder / "last.pcap", [LAST_FRAME]), place=beyond)
            tcpdump.wait_for(lambda: LAST_FRAME in _tail(path), "the last frame to be captured")
        finally:
            tcpdump.stop(signal.SIGINT)
        assert "\n0 packets dropped by kernel" in tcpdump.said(), tcpdump.said()

    def replay(self, path: Path, *words: str, policy: Path = POLICY) -> Replayed:
        """Return what `residency replay` says of a capture."""
        out = path.with_suffix(".out")
        command = (sys.executable, "-m", "monitor", "replay", path, "--policy", policy, "--out", out)
        run(*command, *words, statuses=(0, 1))
        lines = (out / "decisions.jsonl").read_bytes().splitlines()
        decisions = tuple(msgspec.json.decode(line, type=Decision) for line in lines)
        summary = msgspec.json.decode((out / "summary.json").read_bytes(), type=Said)
        return Replayed(decisions, summary)


@contextmanager
def live_world(folder: Path) -> Iterator[World]:
    """Make the world with its servers; logs and captures go to ``folder``."""
    with ExitStack() as stack:
        world = World(stack.enter_context(network(f"residency-{os.getpid()}-{folder.name}")), folder, stack)
        servers = world.start(world.servers, "servers", sys.executable, "-m", "tests.live_servers", folder)
        (folder / "dnsmasq.conf").write_text(resolver_settings(), encoding="ascii")
        (folder / "tinyproxy.conf").write_text(proxy_settings(), encoding="ascii")
        dnsmasq = ("dnsmasq", "--no-daemon", f"--conf-file={folder}/dnsmasq.conf")
        tinyproxy = ("tinyproxy", "-d", "-c", folder / "tinyproxy.conf")
        for command in (dnsmasq, tinyproxy):
            _await_listener(world, world.start(world.servers, command[0], *command), command[0])
        servers.wait_for(lambda: "ready" in servers.said(), "the servers to listen")
        yield world


def why_not() -> str:
    """Return why no such world can be made here, or nothing."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    return absent(*PROGRAMS)


def _told(requests: tuple[Request, ...]) -> tuple[str, ...]:
    return sys.executable, "-m", "tests.live_clients", msgspec.json.encode(requests).decode()


def _await_listener(world: World, program: Program, name: str) -> None:
    kind, port = _LISTENERS[name]
    listening: Sequence[str] = ("ss", "-H", kind, "sport", "=", port)
    program.wait_for(lambda: bool(world.servers.run(*listening)), f"{name} to listen")


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return file.read()
