"""Floods, and scrapers that stop: memory has a ceiling, what was lost is counted, and decisions go on."""

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import live_floods
from tests.daemon_kit import (
    DEMO,
    RECEIVER,
    Daemon,
    Wire,
    daemon,
    records,
    total,
    wait_for,
    wire,
)
from tests.hello_bytes import hello_body, message, record, sni, versions
from tests.torture_kit import Ends, tcp

pytestmark = pytest.mark.enable_socket
COUNT = len(records(DEMO))
FLOWS = 10_000  # in the table
SYNS, SPRAYED, ASKED = 100_000, 3_000, 15_000
HELLOS, FEW_HELLOS = 40_000, 10_000
MEBIBYTE = 1_048_576
GROWTH_BYTES = 48 * MEBIBYTE
LIMITED = {
    "limits": {"flows": FLOWS, "reading_bytes": "8MiB"},
    "name_limits": {"pending": 20_000, "answer_bytes": "8MiB"},
}


@pytest.fixture(scope="module")
def lane() -> Iterator[Wire]:
    with wire() as made:
        yield made


@pytest.fixture(scope="module")
def floods(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, int]]:
    """Captures of floods, and how many packets are in each."""
    folder = tmp_path_factory.mktemp("floods")
    return {
        "syn": (live_floods.syn_flood(folder / "syn.pcap", SYNS), SYNS),
        "quic": (live_floods.quic_spray(folder / "quic.pcap", SPRAYED), SPRAYED),
        "dns": (live_floods.dns_flood(folder / "dns.pcap", ASKED), 2 * ASKED),
    }


def violations(live: Daemon) -> float:
    return live.metric("residency_verdicts_total", outcome="violation")


def test_floods_are_borne(lane: Wire, floods: dict[str, tuple[Path, int]]) -> None:
    with daemon(lane, capture={"interfaces": [RECEIVER], "ring_bytes": "64MiB"}, **LIMITED) as live:
        live.start()
        lane.send(DEMO, "--topspeed")
        sent = COUNT
        live.wait_packets(sent)
        at_rest, before = live.resident_bytes(), violations(live)
        assert before > 0
        for name, (capture, packets) in floods.items():
            sender = lane.sending(capture, "--pps=50000", "--preload-pcap")
            try:
                lane.send(DEMO, "--pps=2000")
                assert live.get("/healthz") == (200, "ok\n"), name
                assert sender.wait(30) == 0
            finally:
                sender.kill()
                sender.wait()
            sent += packets + COUNT
            live.wait_packets(sent)
            assert violations(live) > before, name
            before = violations(live)
            assert live.resident_bytes() - at_rest < GROWTH_BYTES, name
        samples = live.samples()
        assert total(samples, "residency_flow_table_limit_flows") == FLOWS
        assert total(samples, "residency_flow_table_flows") <= FLOWS
        evicted = total(samples, "residency_sensor_events_total", reason="evicted-flows")
        lost = total(samples, "residency_lost_packets_total", reason="ring")
        assert evicted >= SYNS - FLOWS - lost
        assert total(samples, "residency_connections_total", reason="lost") >= SYNS - FLOWS - lost
        assert live.end() == 0
        assert live.lasted < 5
        (stopped,) = live.said("stopped")
        assert stopped["packets"] + stopped["dropped"] == sent
        assert (stopped["unwritten"], stopped["waiting"], stopped["queued"]) == (0, 0, 0)
        (window,) = live.windows()
        assert window["packets"] == stopped["packets"]
        assert window["connections"] >= SYNS


def hello_flood(path: Path, count: int) -> Path:
    """So many connections outside policy, of which nothing but the hello is seen."""
    hello = record(message(hello_body(sni(b"api.deepseek.com"), versions(0x0304))))
    clients = (Ends((0x0A140000 + at // 60_000).to_bytes(4), 1_024 + at % 60_000) for at in range(count))
    return live_floods.write_frames(path, (tcp(8, hello, ends=ends) for ends in clients))


def test_it_ends_in_time_with_much_to_decide_and_says_what_is_left(lane: Wire, tmp_path: Path) -> None:
    capture = hello_flood(tmp_path / "hellos.pcap", HELLOS)
    with daemon(lane, capture={"interfaces": [RECEIVER], "ring_bytes": "64MiB"}) as live:
        live.start()
        lane.send(capture, "--topspeed", "--preload-pcap")
        assert live.end(signal.SIGTERM) == 0
        assert live.lasted < 5
        (stopped,) = live.said("stopped")
        assert stopped["packets"] + stopped["dropped"] == HELLOS
        decided = {each.connection.flow for each in live.lines()}
        left = sum(line["observations"] for line in live.said("not decided"))
        assert left == sum(window["left"] for window in live.windows())
        shed = sum(window["shed"] for window in live.windows())
        assert len(decided) + left + shed + stopped["dropped"] >= HELLOS


def test_health_is_said_while_much_is_to_be_decided(lane: Wire, tmp_path: Path) -> None:
    capture = hello_flood(tmp_path / "hellos.pcap", FEW_HELLOS)
    with daemon(lane, capture={"interfaces": [RECEIVER], "ring_bytes": "64MiB"}) as live:
        live.start()
        lane.send(capture, "--topspeed", "--preload-pcap")
        asked = []

        def decided() -> bool:
            began = time.monotonic()
            assert live.get("/healthz") == (200, "ok\n")
            asked.append(time.monotonic() - began)
            return violations(live) == FEW_HELLOS

        wait_for(decided, "all verdicts", 30)
        assert max(asked) < 1
        assert live.end() == 0


def _packets(live: Daemon, count: int) -> int:
    """Ask for the so-many-th status line; return how many packets it tells of."""
    live.tell(signal.SIGUSR1)
    return int(live.wait_log("status", count)["packets"])


def test_scrapers_that_stop_hold_nothing_up(lane: Wire) -> None:
    with daemon(lane) as live, ExitStack() as stack:
        live.start()
        for _ in range(4):
            stack.enter_context(lane.connect())  # says nothing
        for _ in range(4):
            reader = stack.enter_context(lane.connect())  # takes nothing
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
            reader.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        lane.send(DEMO, "--topspeed")
        wait_for(
            lambda: len(live.said("started")) and any(live.ledger.glob("*/payloads/violation/*")), "decisions"
        )
        assert COUNT in (_packets(live, count) for count in range(1, 11))
        live.wait_packets(COUNT)  # there is room for others again
        assert live.end() == 0
        assert live.lasted < 5
        assert len(live.lines(ended=True)) == live.said("stopped")[0]["to_llms"] > 0
