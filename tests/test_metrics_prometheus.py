"""A real Prometheus scrapes the endpoint, and the guide's alert sees the first violation."""

import re
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

GUIDE = (ROOT / "docs/65-metrics.md").read_text(encoding="utf-8")


@pytest.mark.enable_socket
@needs("prometheus")
def test_the_first_violation_raises_the_alert(tmp_path: Path) -> None:
    alert = re.search(r"alert: OutsideResidencyPolicy\n *expr: (.*)\n", GUIDE)
    assert alert is not None
    metrics = loaded()
    listener = listen("127.0.0.1", 0)
    endpoint = Endpoint(listener, metrics.expose, Health())
    endpoint.start()
    try:
        with prometheus(tmp_path, listener.getsockname()[1]) as api:
            assert api.labels("count_over_time(residency_verdicts_total[1m]) > 1")
            metrics.opened(verdict())
            assert api.labels(alert[1]) == [
                {
                    "tenant": "acme",
                    "source_group": "crm-backend",
                    "policy": "RES-030",
                    "severity": "high",
                }
            ]
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
