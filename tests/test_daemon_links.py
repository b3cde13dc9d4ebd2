"""Interfaces that go down, go away, and come again, while the daemon watches them."""

import sys
import time
from collections.abc import Iterator

import pytest

from tests.daemon_kit import DEMO, RECEIVER, SENDER, Daemon, Wire, daemon, records, run, wait_for, wire

pytestmark = pytest.mark.enable_socket
COUNT = len(records(DEMO))
IDLE_SECONDS = 1.5


@pytest.fixture
def lane() -> Iterator[Wire]:
    with wire() as made:
        yield made


def not_up(live: Daemon) -> bool:
    return live.get("/readyz") == (503, f"not up: {RECEIVER}\n")


def up(live: Daemon) -> bool:
    return live.get("/readyz") == (200, "ok\n")


def promiscuity(lane: Wire) -> str:
    words = run("ip", "-n", lane.name, "-d", "link", "show", RECEIVER).split()
    return words[words.index("promiscuity") + 1]


def test_down_and_up_again(lane: Wire) -> None:
    with daemon(lane, capture={"interfaces": [RECEIVER], "threads": 2, "ring_bytes": "4MiB"}) as live:
        live.start()
        wait_for(lambda: up(live), "readiness")
        lane.send(DEMO, "--topspeed")
        live.wait_packets(COUNT)
        lane.link("set", RECEIVER, "down")
        assert live.wait_log("interface down")["interface"] == RECEIVER
        wait_for(lambda: not_up(live), "not to be ready")
        assert live.metric("residency_capturing") == 0
        assert live.get("/healthz") == (200, "ok\n")
        before = live.cpu_seconds()
        time.sleep(IDLE_SECONDS)  # to look at how long it works meanwhile
        assert live.cpu_seconds() - before < IDLE_SECONDS / 4
        lane.link("set", RECEIVER, "up")
        live.wait_log("interface up")
        wait_for(lambda: up(live), "readiness")
        assert live.metric("residency_capturing") == 1
        lane.send(DEMO, "--topspeed")
        live.wait_packets(2 * COUNT)
        assert live.end() == 0
        assert len(live.said("interface down")) == len(live.said("interface up")) == 1
        (window,) = live.windows()
        assert window["packets"] == 2 * COUNT


def test_two_interfaces_are_two_accounts_and_one_sum(lane: Wire) -> None:
    with daemon(lane, capture={"interfaces": [RECEIVER, SENDER], "ring_bytes": "4MiB"}) as live:
        live.start()
        lane.send(DEMO, "--topspeed")
        live.wait_packets(2 * COUNT)  # out of the one, and into the other
        assert live.end() == 0
        (window,) = live.windows()
        assert (window["packets"], window["lost"]) == (2 * COUNT, {})


def test_deleted_and_made_anew(lane: Wire) -> None:
    capture = {"interfaces": [RECEIVER], "promiscuous": True, "ring_bytes": "4MiB"}
    with daemon(lane, capture=capture) as live:
        live.start()
        assert promiscuity(lane) == "1"
        lane.send(DEMO, "--topspeed")
        live.wait_packets(COUNT)
        lane.link("del", SENDER)
        assert live.wait_log("interface gone")["interface"] == RECEIVER
        wait_for(lambda: not_up(live), "not to be ready")
        before = live.cpu_seconds()
        time.sleep(IDLE_SECONDS)
        assert live.cpu_seconds() - before < IDLE_SECONDS / 4
        lane.lay()
        live.wait_log("interface up")
        wait_for(lambda: up(live), "readiness")
        assert promiscuity(lane) == "1"
        lane.send(DEMO, "--topspeed")
        live.wait_packets(2 * COUNT)
        assert live.end() == 0
        assert len(live.said("interface gone")) == len(live.said("interface up")) == 1


def test_threads_that_share_an_interface_cannot_hear_it_anew_and_end_to_be_started_again(lane: Wire) -> None:
    with daemon(lane, capture={"interfaces": [RECEIVER], "threads": 2, "ring_bytes": "4MiB"}) as live:
        live.start()
        lane.send(DEMO, "--topspeed")
        live.wait_packets(COUNT)
        lane.link("del", SENDER)
        live.wait_log("interface gone")
        lane.lay()
        assert live.process.wait(15) == 3
        assert live.log()[-1]["event"] == "capture ended"
        (window,) = live.windows()
        assert window["packets"] == COUNT


def test_each_thread_has_an_account_from_the_start(lane: Wire) -> None:
    code = (
        "from sensors.interest import Interest; from sensors.live import Manner, Rings;"
        "from sensors.live_native import NativeLive;"
        f"live = NativeLive(Rings(({RECEIVER!r},), 4, 1 << 20), Manner(Interest()));"
        "live.start(); sources = live.status().sources; live.stop();"
        "print(*(f'{each.name} {each.state} {each.accounting.read.packets}' for each in sources), sep='\\n')"
    )
    assert run(*lane.inside(sys.executable, "-c", code)).splitlines() == [f"{RECEIVER} up 0"] * 4
