"""An operator and a confined daemon: what is asked for while packets flow stands in the ledger."""

import msgspec
import pytest

from monitor.findings.types import Finding
from monitor.outbox.history import changes_of
from tests.daemon_kit import DEMO, daemon, wait_for, wire
from tests.state_kit import run_findings

pytestmark = pytest.mark.enable_socket


def test_the_daemon_does_what_an_operator_asks_for() -> None:
    with wire() as lane, daemon(lane) as live:
        live.start()
        lane.send(DEMO, "--topspeed")
        place = ("--config", str(live.config))

        def critical() -> list[Finding]:
            lines = run_findings("list", "--json", "--severity", "critical", *place).stdout.splitlines()
            return [msgspec.json.decode(line, type=Finding) for line in lines]

        (finding,) = wait_for(critical, "a critical finding")
        done = run_findings("ack", finding.id[:8], *place, "--by", "dpo", "--note", "the client is stopped")
        assert done.exit_code == 0, done.stderr
        assert f"finding {finding.id} is acknowledged: dpo (" in done.stdout
        (now,) = critical()
        assert now.state == "acknowledged"
        history = list(changes_of(live.ledger / "acme", finding.id))
        assert [each.what for each in history] == ["opened", "updated"]
        assert history[-1].finding.acknowledged == now.acknowledged
        logged = live.wait_log("operator")
        assert (logged["action"], logged["finding"], logged["status"]) == ("acknowledge", finding.id, "done")
        assert live.end() == 0
        assert "Traceback" not in live.stderr()
