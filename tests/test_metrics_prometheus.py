"""A real Prometheus scrapes the endpoint, and the shipped alerts see the first violation."""

import subprocess
import sys
from pathlib import Path

import pytest

from monitor.daemon.health import Health
from monitor.daemon.http import Endpoint
from monitor.daemon.listening import listen
from tests.metrics_kit import ROOT, loaded, verdict
from tests.prometheus_kit import prometheus
from tests.sinks_kit import needs

RULES = sorted((ROOT / "grafana/prometheus").glob("*.rules.yaml"))
FIRST = {
    "tenant": "acme", "source_group": "crm-backend", "policy": "RES-030", "rule": "RES-030",
    "rule_severity": "high", "severity": "critical",
}  # fmt: skip


@pytest.mark.enable_socket
@needs("prometheus")
def test_the_first_violation_raises_the_alerts(tmp_path: Path) -> None:
    metrics = loaded()
    listener = listen("127.0.0.1", 0)
    endpoint = Endpoint(listener, metrics.expose, Health())
    endpoint.start()
    try:
        with prometheus(tmp_path, listener.getsockname()[1], RULES) as api:
            assert api.labels("count_over_time(residency_verdicts_total[1m]) > 1")
            metrics.opened(verdict())
            for alert in ("ResidencyNewViolation", "ResidencyViolationOpen"):
                (labels,) = api.labels(f'ALERTS{{alertname="{alert}", alertstate="firing"}}')
                assert labels.items() >= FIRST.items()
            assert api.labels("residency_violations_open == 1")
            assert api.labels("residency_policy_info")[0]["policy"].startswith("eu-crm@")
    finally:
        endpoint.stop()


@pytest.mark.parametrize("args", [["--version"], ["explain", "api.openai.com"]])
def test_commands_that_answer_at_once_do_not_wait_for_the_library(args: list[str]) -> None:
    """Importing it takes a tenth of a second."""
    script = (
        "import sys\nfrom click.testing import CliRunner\nfrom monitor.cli import group\n"
        f"assert CliRunner().invoke(group, {args!r}).exit_code == 0\n"
        "assert 'prometheus_client' not in sys.modules\nassert 'http.server' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
