"""Nothing is loaded once the process is confined: as another user it may not read the installation."""

import signal
import sys
from collections.abc import Iterator

import pytest

from monitor.datasets.store import Store
from monitor.datasets.use import DataChoice, open_data
from tests.catalog_help import built_in
from tests.daemon_kit import DEMO, SECOND_NS, Daemon, daemon, records, wait_for, wire
from tests.datasets_kit import aws, put

pytestmark = pytest.mark.enable_socket
CONFINED, LOADED = '"event": "confined"', "import time:"
MISTAKES = (
    "outcome: violatoin",
    "outcome: [",
    "outcome: violation\n    sources: [10.0.0.0/99]",
)


@pytest.fixture(scope="module")
def live() -> Iterator[Daemon]:
    """A daemon that says what it loads, with all that a configuration may ask for."""
    with wire() as lane, daemon(lane) as made:
        store = Store(made.folder / "datasets")
        keys = {"enabled": True, "keys": str(made.folder / "keys")}
        made.configure(processes=True, privacy={"pseudonyms": keys}, data=str(store.folder))
        put(store, "aws", aws({"52.94.0.0/24": ("AMAZON", "us-east-1")}), "2026-03-01")
        open_data(DataChoice(store.folder), built_in().regions)  # not to be compiled at the start
        made.launch(sys.executable, "-X", "importtime", *made.command[1:])
        heard(made, '"event": "started"')
        yield made


def heard(live: Daemon, words: str, count: int = 1) -> None:
    def look() -> bool:
        assert live.process.poll() in {None, 0}, live.stderr()[-2_000:]
        return live.stderr().count(words) >= count

    wait_for(look, words)


def ask(live: Daemon, request: bytes) -> bytes:
    with live.wire.connect() as client:
        client.sendall(request)
        answer = b""
        while more := client.recv(65_536):
            answer += more
        return answer


def late(live: Daemon) -> list[str]:
    """Return what was loaded once the process was confined."""
    _, confined, after = live.stderr().partition(CONFINED)
    assert confined
    assert "Traceback" not in after
    return [line for line in after.splitlines() if line.startswith(LOADED)]


def test_traffic_and_scrapes_load_nothing(live: Daemon) -> None:
    live.wire.send(DEMO, "--topspeed")
    live.wait_packets(len(records(DEMO)))
    for accept in (b"text/plain", b"application/openmetrics-text; version=1.0.0", b"\xff"):
        head = b"GET /metrics HTTP/1.1\r\nAccept: " + accept + b"\r\nAccept-Encoding: gzip\r\n\r\n"
        assert b"200 OK" in ask(live, head)
    for request in (b"POST / HTTP/1.1\r\n\r\n", b"GET /nothing HTTP/1.1\r\n\r\n", b"\xff\xfe\r\n\r\n"):
        assert ask(live, request)[9:10] in b"45"
    live.tell(signal.SIGUSR1)
    heard(live, '"event": "status"')
    assert late(live) == []


def test_reloads_load_nothing_right_or_wrong(live: Daemon) -> None:
    text = live.policy.read_text("utf-8")
    for count, mistake in enumerate(MISTAKES, 1):
        live.policy.write_text(text.replace("outcome: violation", mistake, 1), "utf-8")
        live.tell(signal.SIGHUP)
        wait_for(lambda count=count: live.metric("residency_reloads_total") >= count, mistake)  # type: ignore[misc]
    live.policy.write_text(text, "utf-8")
    put(Store(live.folder / "datasets"), "aws", aws({"52.94.4.0/24": ("AMAZON", "us-east-1")}), "2026-04-01")
    live.tell(signal.SIGHUP)
    heard(live, '"event": "reloaded"')
    assert live.metric("residency_reloads_total", reason="failed") == len(MISTAKES)
    assert "aws-ip-ranges 2026-04-01" in live.stderr()
    assert late(live) == []


def test_the_end_loads_nothing(live: Daemon) -> None:
    assert live.end() == 0
    heard(live, '"event": "stopped"')
    assert late(live) == []
    assert all(each.ts_ns > SECOND_NS for each in live.lines())
