"""The example of Alertmanager's configuration: it is valid, routes by severity, and tells nothing twice."""

import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.sinks.alert import OWN_LABELS
from tests.rules_kit import ALERT_NAMES, AMTOOL, KNOWN_LABELS, ROOT, needs_amtool
from tests.sinks_kit import HOST, Program, free_port, needs, running, until

EXAMPLE = ROOT / "grafana/alertmanager/alertmanager.example.yaml"
CONFIG = yaml.safe_load(EXAMPLE.read_text("utf-8"))
OF_THE_SINK = {"ResidencyFinding", "ResidencyEventsFolded"}
CRM = {"sensor": "edge-1", "tenant": "acme", "source_group": "crm-backend"}
RULED = {**CRM, "policy": "RES-030", "rule": "RES-030", "rule_severity": "high", "severity": "critical"}
FINDING = {
    "alertname": "ResidencyFinding", "finding": "a03f0293be9a828a", "kind": "violation", "provider": "openai",
    "rule": "RES-030", "severity": "high", "source_group": "crm-backend", "tenant": "acme",
}  # fmt: skip

# What fires together, and what of it is told.
TOGETHER = {
    "the finding stands for its connections, and not for those of another rule": (
        [
            FINDING,
            {"alertname": "ResidencyViolationOpen", **RULED},
            {"alertname": "ResidencyNewViolation", **RULED},
            {"alertname": "ResidencyNewViolation", **RULED, "rule": "RES-001", "policy": "RES-001"},
            {"alertname": "ResidencyFindingDeadlinePassed", **RULED},
        ],
        {0, 3, 4},
    ),
    "a behaviour's finding stands for no violation": (
        [{**FINDING, "kind": "fallback"}, {"alertname": "ResidencyViolationOpen", **RULED}],
        {0, 1},
    ),
    "what is open is not told as new, too": (
        [
            {"alertname": "ResidencyViolationOpen", **RULED},
            {"alertname": "ResidencyNewViolation", **RULED},
            {"alertname": "ResidencyNewViolation", **RULED, "source_group": "office"},
        ],
        {0, 2},
    ),
    "a sensor that is down says nothing of what is missing there": (
        [
            {"alertname": "ResidencySensorDown", "sensor": "edge-1", "severity": "critical"},
            {"alertname": "ResidencyExpectedTrafficAbsent", **CRM, "severity": "warning"},
            {"alertname": "ResidencyCoverageBelowTarget", **CRM, "severity": "warning"},
            {"alertname": "ResidencyNoPackets", "sensor": "edge-1", "severity": "critical"},
            {"alertname": "ResidencyCoverageBelowTarget", **CRM, "sensor": "edge-2", "severity": "warning"},
            {"alertname": "ResidencyDeadLetters", "sensor": "edge-1", "sink": "soc", "severity": "warning"},
        ],
        {0, 4, 5},
    ),
    "that a sensor is down is not told again as that there is none": (
        [
            {"alertname": "ResidencySensorDown", "sensor": "edge-1", "severity": "critical"},
            {"alertname": "ResidencyNoSensor", "severity": "critical"},
        ],
        {0},
    ),
    "one tenant's finding stands for nothing of another's": (
        [FINDING, {"alertname": "ResidencyViolationOpen", **RULED, "tenant": "umbra"}],
        {0, 1},
    ),
    "of a loss the worse one is told": (
        [
            {"alertname": "ResidencyCaptureLoss", "sensor": "edge-1", "severity": "critical"},
            {"alertname": "ResidencyCaptureLoss", "sensor": "edge-1", "severity": "warning"},
            {"alertname": "ResidencyCaptureLoss", "sensor": "edge-2", "severity": "warning"},
        ],
        {0, 2},
    ),
    "a sink that is behind is not told as failing, too": (
        [
            {"alertname": "ResidencySinkBehind", "sensor": "edge-1", "sink": "soc", "severity": "critical"},
            {"alertname": "ResidencySinkFailing", "sensor": "edge-1", "sink": "soc", "severity": "warning"},
            {"alertname": "ResidencySinkFailing", "sensor": "edge-1", "sink": "mail", "severity": "warning"},
        ],
        {0, 2},
    ),
}


class Alertmanager(Program):
    """A server with the example's routes and inhibitions, and receivers that do nothing."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        mute = {**CONFIG, "receivers": [{"name": each["name"]} for each in CONFIG["receivers"]]}
        (folder / "alertmanager.yml").write_text(json.dumps(mute))
        options = [
            "--config.file=alertmanager.yml", "--storage.path=store", "--cluster.listen-address=",
            f"--web.listen-address={HOST}:{port}", "--log.level=error",
        ]  # fmt: skip
        super().__init__(["prometheus-alertmanager", *options], folder, port)

    def post(self, alerts: list[dict[str, str]]) -> None:
        """Post alerts."""
        body = json.dumps([{"labels": labels} for labels in alerts]).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._url, body, headers)  # noqa: S310  it is http
        urllib.request.urlopen(request, timeout=5).close()  # noqa: S310

    def alerts(self) -> list[dict[str, Any]]:
        """Return all alerts, those that are inhibited too."""
        with urllib.request.urlopen(self._url, timeout=5) as answer:  # noqa: S310
            found: list[dict[str, Any]] = json.load(answer)
        return found

    @property
    def _url(self) -> str:
        return f"http://{HOST}:{self.port}/api/v2/alerts"


@needs_amtool
def test_amtool_takes_it() -> None:
    ran = subprocess.run([AMTOOL, "check-config", EXAMPLE], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "SUCCESS" in ran.stdout


@needs_amtool
@pytest.mark.parametrize(
    ("severity", "receiver"),
    [
        ("critical", "page"),
        ("high", "page"),
        ("warning", "tickets"),
        ("medium", "tickets"),
        ("info", "digest"),
        ("low", "digest"),
    ],
)
def test_alerts_go_where_their_severity_says(severity: str, receiver: str) -> None:
    command = [AMTOOL, "config", "routes", "test", f"--config.file={EXAMPLE}", f"severity={severity}"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == receiver


@needs_amtool
@pytest.mark.parametrize(
    ("labels", "receiver", "hours"),
    [
        ({"alertname": "ResidencyFinding", "kind": "violation", "severity": "high"}, "page", 96),
        ({"alertname": "ResidencyFinding", "kind": "fallback", "severity": "critical"}, "page", 96),
        ({"alertname": "ResidencyFinding", "kind": "indeterminate", "severity": "critical"}, "tickets", 96),
        ({"alertname": "ResidencyFinding", "kind": "indeterminate", "severity": "low"}, "digest", 96),
        ({"alertname": "ResidencyFindingDeadlinePassed", "severity": "critical"}, "page", 96),
        ({"alertname": "ResidencyFindingDeadlineNear", "severity": "warning"}, "tickets", 96),
        ({"alertname": "ResidencyExceptionExpired", "severity": "warning"}, "tickets", 96),
        ({"alertname": "ResidencyViolationOpen", "severity": "critical"}, "page", 4),
        ({"alertname": "ResidencySensorDown", "severity": "critical"}, "page", 4),
        ({"alertname": "ResidencyDeadLetters", "severity": "warning"}, "tickets", 12),
    ],
)
def test_what_waits_for_a_person_is_told_again_after_days(
    labels: dict[str, str], receiver: str, hours: int
) -> None:
    given = [f"{name}={value}" for name, value in labels.items()]
    command = [AMTOOL, "config", "routes", "test", f"--config.file={EXAMPLE}", *given]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == receiver
    assert repeat_hours(labels) == hours


def repeat_hours(labels: dict[str, str]) -> int:
    """Return after how long alerts with labels are told again, following the routes as Alertmanager does."""
    found, routes = CONFIG["route"]["repeat_interval"], CONFIG["route"]["routes"]
    while routes:
        route = next((each for each in routes if all(map(matches(labels), each["matchers"]))), None)
        if route is None:
            break
        found, routes = route.get("repeat_interval", found), route.get("routes")
    return int(found[:-1]) * {"h": 1, "d": 24}[found[-1]]


def matches(labels: dict[str, str]) -> Callable[[str], bool]:
    """Return what says whether a matcher takes the labels."""

    def takes(matcher: str) -> bool:
        label, sign, value = matcher.replace('"', "").split(" ")
        same = re.fullmatch(value, labels.get(label, "")) is not None
        return same != (sign == "!=")

    return takes


def test_no_route_waits_longer_than_alertmanager_remembers() -> None:
    """It forgets what it told after 120 hours, its --data.retention."""
    text = EXAMPLE.read_text("utf-8")
    assert {int(days) for days in re.findall(r"repeat_interval: (\d+)d", text)} <= {1, 2, 3, 4}


def test_it_names_alerts_and_labels_that_there_are() -> None:
    assert CONFIG["route"]["group_by"] == ["tenant", "alertname", "source_group"]
    named = set()
    for rule in CONFIG["inhibit_rules"]:
        assert set(rule.get("equal", [])) <= KNOWN_LABELS | OWN_LABELS
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            label, value = matcher.replace("=~", "=").split("=", 1)
            if label.strip() == "alertname":
                named |= set(value.strip().strip('"').split("|"))
    assert named <= OF_THE_SINK | set(ALERT_NAMES)


@pytest.mark.enable_socket
@needs("prometheus-alertmanager")
@pytest.mark.parametrize("case", TOGETHER)
def test_nothing_is_told_twice(case: str, tmp_path: Path) -> None:
    posted, told = TOGETHER[case]
    with running(Alertmanager(tmp_path)) as server:
        # Sources first: what they inhibit is looked at when it comes.
        for labels in posted:
            server.post([labels])
        until(lambda: len(server.alerts()) == len(posted), "all alerts are there")
        until(lambda: _told(server, posted) == told, f"{told} are told")
        time.sleep(0.2)
        assert _told(server, posted) == told


def _told(server: Alertmanager, posted: list[dict[str, str]]) -> set[int]:
    """Return the numbers of the alerts that are not inhibited."""
    return {posted.index(each["labels"]) for each in server.alerts() if not each["status"]["inhibitedBy"]}
