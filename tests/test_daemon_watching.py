"""The daemon on a folder of captures, and with the reference engine: real processes."""

import shutil
import signal
from collections.abc import Iterator

import pytest

from monitor.config import READ_STATE
from tests.daemon_kit import (
    DEMO,
    RECEIVER,
    USER,
    Daemon,
    Wire,
    daemon,
    records,
    skip_without_wire,
    squeezed,
    wire,
    write_capture,
)

pytestmark = pytest.mark.enable_socket
COUNT = len(records(DEMO))
ENGINES = ("native", "dpkt")


@pytest.fixture(scope="module")
def lane() -> Iterator[Wire]:
    skip_without_wire()
    with wire() as made:
        yield made


def violations(live: Daemon) -> int:
    return len([each for each in live.lines(ended=True) if each.outcome == "violation"])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_folder_is_read_once_also_after_a_kill(lane: Wire, engine: str) -> None:
    with daemon(lane) as live:
        captures = live.folder / "captures"
        captures.mkdir()
        live.configure(capture={"watch": str(captures), "engine": engine})
        live.start()
        for name in ("a.pcap", "b.pcap"):  # what is older than another one is whole
            write_capture(captures / name, squeezed(DEMO, 1.0))
        live.wait_packets(COUNT)
        live.wait_metric("residency_verdicts_total", 1, outcome="violation")
        for name in ("latency_seconds_count", "lead_seconds_count", "bytes_count"):
            assert live.metric(f"residency_verdict_{name}") == 0, name  # files say nothing of it
        assert live.metric("residency_late_verdicts_total") == 0
        live.end(signal.SIGKILL)
        written = len(live.lines())
        assert written > 0
        noted = live.state / READ_STATE
        assert noted.owner() == USER  # what root writes there would be in that user's hands
        live.start()
        live.wait_packets(COUNT, 30)  # of the second one
        shutil.rmtree(captures)
        live.wait_log("folder gone")
        assert live.get("/readyz")[0] == 503
        assert live.end() == 0
        assert "Traceback" not in live.stderr()
        (window,) = live.windows()[-1:]
        assert (window["packets"], window["lost"], window["left"]) == (COUNT, {}, 0)
        assert len(live.lines()) > written
        assert violations(live) > 0


def test_the_reference_engine_judges_ends_in_time_and_is_confined(lane: Wire) -> None:
    with daemon(lane) as live:
        live.configure(capture={"interfaces": [RECEIVER], "engine": "dpkt", "ring_bytes": "16MiB"})
        live.start()
        (started,) = live.said("started")
        assert started["engine"] == "dpkt"
        lane.send(write_capture(live.folder / "traffic.pcap", squeezed(DEMO, 1.0)))
        live.wait_packets(COUNT)
        live.wait_metric("residency_verdicts_total", 1, outcome="violation")
        live.tell(signal.SIGHUP)
        live.wait_log("reloaded")
        assert live.end() == 0
        assert live.lasted < 5
        assert "Traceback" not in live.stderr()
        assert violations(live) > 0


def test_a_folder_that_the_user_may_not_enter_ends_the_start(lane: Wire) -> None:
    with daemon(lane) as live:
        captures = live.folder / "closed" / "captures"
        captures.mkdir(parents=True)
        captures.parent.chmod(0o700)  # root's
        live.configure(capture={"watch": str(captures)})
        live.launch()
        assert live.process.wait(15) == 2
        assert f"user nobody may not read {captures}; let it list and read the folder" in live.stderr()
        assert "Traceback" not in live.stderr()
