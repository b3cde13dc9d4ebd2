"""A real Prometheus scrapes the endpoint, and the shipped alerts see the first violation."""

import json
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from monitor.daemon.health import Health
from monitor.daemon.http import Endpoint
from monitor.daemon.listening import listen
from tests.metrics_kit import ROOT, loaded, verdict

PROMETHEUS = shutil.which("prometheus") or ""
RULES = ROOT / "grafana/prometheus"
PATIENCE_SECONDS = 60
FIRST = {
    "tenant": "acme", "source_group": "crm-backend", "policy": "RES-030", "rule": "RES-030",
    "rule_severity": "high", "severity": "critical",
}  # fmt: skip


@contextmanager
def prometheus(folder: Path, scraped_port: int) -> Iterator[str]:
    """Run Prometheus on a free port; yield the address of its queries."""
    with listen("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    jobs = [{"job_name": "residency", "static_configs": [{"targets": [f"127.0.0.1:{scraped_port}"]}]}]
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES / "*.rules.yaml")],
        "scrape_configs": jobs,
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    options = {
        "config.file": folder / "prometheus.yml",
        "storage.tsdb.path": folder / "tsdb",
        "web.listen-address": f"127.0.0.1:{port}",
        "log.level": "error",
    }
    command = [PROMETHEUS, *(f"--{name}={value}" for name, value in options.items())]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield f"http://127.0.0.1:{port}/api/v1/query"
        finally:
            process.terminate()


def asked(address: str, query: str) -> list[dict[str, str]]:
    """Return the labels of what a query finds, as soon as it finds something."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{address}?query={urllib.parse.quote(query)}", timeout=5) as answer:  # noqa: S310
                found = json.load(answer)["data"]["result"]
        except OSError:
            found = []
        if found:
            return [each["metric"] for each in found]
        time.sleep(0.2)
    return []


@pytest.mark.enable_socket
@pytest.mark.skipif(not PROMETHEUS, reason="prometheus is not here: install it (Debian)")
def test_the_first_violation_raises_the_alert(tmp_path: Path) -> None:
    metrics = loaded()
    listener = listen("127.0.0.1", 0)
    endpoint = Endpoint(listener, metrics.expose, Health())
    endpoint.start()
    try:
        with prometheus(tmp_path, listener.getsockname()[1]) as address:
            assert asked(address, "count_over_time(residency_verdicts_total[1m]) > 1")
            metrics.opened(verdict())
            for alert in ("ResidencyNewViolation", "ResidencyViolationOpen"):
                (labels,) = asked(address, f'ALERTS{{alertname="{alert}", alertstate="firing"}}')
                assert labels.items() >= FIRST.items()
            assert asked(address, "residency_violations_open == 1")
            assert asked(address, "residency_policy_info")[0]["policy"].startswith("eu-crm@")
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
