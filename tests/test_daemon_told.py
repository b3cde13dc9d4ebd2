"""What the daemon tells its supervisor and its operators, and whom it does not tell of."""

import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon_kit import DEMO, Daemon, Wire, daemon, records, squeezed, wait_for, wire, write_capture

pytestmark = pytest.mark.enable_socket
COUNT = len(records(DEMO))
CLIENTS = ("10.20.", "10.30.", "10.40.", "10.99.")


@pytest.fixture(scope="module")
def lane() -> Iterator[Wire]:
    with wire() as made:
        yield made


class Supervisor:
    """A socket that a daemon notifies, as systemd's."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heard: list[dict[str, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(str(path))
        path.chmod(0o777)

    def listen(self) -> list[dict[str, str]]:
        """Return all messages until now."""
        while True:
            try:
                message = self._socket.recv(4_096).decode()
            except BlockingIOError:
                return self.heard
            self.heard.append(dict(line.split("=", 1) for line in message.splitlines()))

    def wait(self, word: str, count: int = 1) -> dict[str, str]:
        """Wait for the so-many-th message with a word."""
        found = wait_for(lambda: [each for each in self.listen() if word in each][count - 1 :], word)
        return found[0]

    def close(self) -> None:
        self._socket.close()


def test_a_supervisor_hears_how_it_fares(lane: Wire) -> None:
    with daemon(lane) as live:
        supervisor = Supervisor(live.folder / "notify")
        live.start(NOTIFY_SOCKET=str(supervisor.path), WATCHDOG_USEC="3000000")
        assert supervisor.wait("READY")["STATUS"] == "capturing"
        supervisor.wait("WATCHDOG", 2)
        live.tell(signal.SIGHUP)
        assert int(supervisor.wait("RELOADING")["MONOTONIC_USEC"]) > 0
        supervisor.wait("READY", 2)
        assert live.end() == 0
        supervisor.wait("STOPPING")
        words = [next(iter(each)) for each in supervisor.listen() if "WATCHDOG" not in each]
        assert words == ["READY", "RELOADING", "READY", "STOPPING"]
        supervisor.close()


def test_a_supervisor_that_does_not_listen_holds_nothing_up_and_a_status_line_can_be_had(lane: Wire) -> None:
    with daemon(lane) as live:
        supervisor = Supervisor(live.folder / "notify")
        live.start(NOTIFY_SOCKET=str(supervisor.path), WATCHDOG_USEC="3000000")
        supervisor.close()
        lane.send(DEMO, "--topspeed")
        live.wait_packets(COUNT)
        live.tell(signal.SIGUSR1)
        assert live.wait_log("status")["packets"] == COUNT
        assert live.end() == 0
        assert live.lasted < 5
        assert len(live.said("status")) == 1


def test_with_pseudonyms_no_client_is_named_in_anything_that_is_written(lane: Wire) -> None:
    with daemon(lane) as live:
        keys = {"enabled": True, "keys": str(live.folder / "keys")}
        live.configure(privacy={"pseudonyms": keys}, processes=True)
        live.start()
        lane.send(write_capture(live.folder / "traffic.pcap", squeezed(DEMO, 1.0)))
        live.wait_packets(COUNT)
        text = live.get("/metrics")[1]
        assert live.end() == 0
        assert live.lines(ended=True)
        assert all(each.connection.subject.tenant for each in live.lines() if each.outcome == "violation")
        written = [live.stderr(), text, *_texts(live.ledger), *_texts(live.state)]
        for client in CLIENTS:
            assert not [each for each in written if client in each], client
        assert _texts(live.folder / "keys")


def test_owners_are_null_where_clients_are_not_of_this_host(lane: Wire) -> None:
    with daemon(lane, processes=True) as live:
        live.start()
        (helper,) = children(live)
        lane.send(DEMO, "--topspeed")
        live.wait_packets(COUNT)
        assert live.end() == 0
        lines = [each for each in live.payloads("violation") if "decision" in each]
        assert lines
        assert {line["owner"] for line in lines} == {None}
        assert {line["sensor"] for line in lines} == {"edge"}
        assert not Path(f"/proc/{helper}").exists()


def children(live: Daemon) -> list[int]:
    """Return the processes that it started."""
    path = Path(f"/proc/{live.process.pid}/task/{live.process.pid}/children")
    return [int(word) for word in path.read_text("ascii").split()]


def _texts(folder: Path) -> list[str]:
    """Return all files but for the policy in a ledger, which names the networks of groups."""
    found = [path.read_bytes().decode("latin-1") for path in sorted(folder.rglob("*")) if path.is_file()]
    return [re.sub(r'"text":"(?:[^"\\]|\\.)*"', "", text) for text in found]


def test_an_end_of_the_helper_that_knows_owners_is_borne(lane: Wire) -> None:
    with daemon(lane, processes=True) as live:
        live.start()
        (helper,) = children(live)
        os.kill(helper, signal.SIGKILL)
        lane.send(DEMO, "--topspeed")
        live.wait_packets(COUNT)
        assert live.end() == 0
        assert live.lines(ended=True)
        assert "Traceback" not in live.stderr()
