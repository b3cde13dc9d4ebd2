"""The whole line as its two processes, each killed again and again: from captures to a receiver.

What a capture shows may be seen twice, where the sensor was killed while it read it. But what was told stands
in a ledger, what stands there was told, under one key each, and the ledger is what was signed.
"""

import json
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from monitor.config import READ_STATE
from monitor.findings import finding_id
from monitor.ledger.reader import ledgers_in
from tests.courier_kit import Courier, Server, serving
from tests.daemon_kit import DEMO, Daemon, Wire, daemon, squeezed, wait_for, wire, write_capture
from tests.line_kit import decided_in
from tests.rejudge_kit import decisions

pytestmark = pytest.mark.enable_socket
KILLS = 2


@pytest.fixture(scope="module")
def lane() -> Iterator[Wire]:
    with wire() as made:
        yield made


@contextmanager
def watching(lane: Wire, server: Server) -> Iterator[Daemon]:
    """A configured daemon on a folder of captures, whose events go to a server."""
    with daemon(lane) as live:
        (live.folder / "captures").mkdir()
        hook = {"type": "webhook", "name": "hook", "url": f"http://127.0.0.1:{server.server_port}/"}
        live.configure(capture={"watch": str(live.folder / "captures")}, sinks=[hook])
        yield live


def add(live: Daemon, number: int) -> None:
    write_capture(live.folder / f"captures/{number}.pcap", squeezed(DEMO, 0.2))


def has_read(live: Daemon, count: int) -> bool:
    noted = live.state / READ_STATE
    return noted.exists() and noted.read_text("utf-8").count(".pcap") >= count


def told_in_ledgers(live: Daemon) -> dict[str, Any]:
    """The changes of findings in all ledgers, by key; none stands there twice."""
    found = [payload for payload in live.payloads("*") if "what" in payload]
    keys = [f"{each['finding']['id']}-{each['finding']['revision']}" for each in found]
    assert len(set(keys)) == len(keys)
    return dict(zip(keys, found, strict=True))


def test_what_is_evidence_is_told_and_what_is_told_is_evidence(lane: Wire) -> None:
    chance = random.Random(73)
    with serving(Server()) as server, watching(lane, server) as live:
        log = live.folder / "deliver.log"
        for number in range(KILLS):
            live.start()
            courier = Courier(live.config, log)
            add(live, number)
            time.sleep(chance.uniform(0.3, 1.2))
            live.end(signal.SIGKILL)
            time.sleep(chance.uniform(0.0, 0.2))
            courier.end(signal.SIGKILL)
        live.start()
        courier = Courier(live.config, log)
        try:
            for number in range(KILLS, KILLS + 2):
                add(live, number)
            wait_for(lambda: has_read(live, KILLS + 1), "captures")
            assert live.end() == 0
            wanted = told_in_ledgers(live)
            wait_for(lambda: set(wanted) <= set(server.keys), "events")
        finally:
            courier.end()
        bodies = {each.key: json.loads(each.body) for each in server.requests}
        assert {key for key in bodies if bodies[key].get("type") == "finding"} == set(wanted)
        shown = {finding_id(each) for each in decisions()} - {None}
        assert shown <= {key.rpartition("-")[0] for key in wanted}  # and what was excused in its own days
        assert "Traceback" not in live.stderr() + log.read_text("utf-8")
        assert sum(len(decided_in(folder)) for folder in ledgers_in(live.ledger)) > 32
