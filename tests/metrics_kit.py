"""What the tests of the metrics share: decisions to feed, and a look at what is exposed."""

import functools
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from monitor.app import Knowledge, load_knowledge
from monitor.metrics import Metrics
from monitor.metrics.family import SENSOR
from monitor.types import Attribution, Connection, Decision, Outcome, Subject, Totals
from sensors.observations import FlowKey
from tests.observed import CLIENT, SERVER, at

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "policies/eu-crm.yaml"
PROMTOOL = shutil.which("promtool") or ""
NAME = "edge-1"
ROOMY = 10_000
CRM = Subject("acme", "crm-backend", "crm")
GLOBAL = Attribution(provider="openai", scope="global", certainty="observed")

needs_promtool = pytest.mark.skipif(not PROMTOOL, reason="promtool is not here: install prometheus (Debian)")

Row = frozenset[tuple[str, str]]


@functools.cache
def example() -> Knowledge:
    """Return what the example policy needs."""
    return load_knowledge(EXAMPLE)


def loaded(max_series: int = ROOMY) -> Metrics:
    """Return metrics with the example policy."""
    metrics = Metrics(NAME, max_series)
    metrics.load(example())
    return metrics


def exposed(metrics: Metrics) -> dict[str, dict[Row, float]]:
    """Return the values of all series by sample name and labels, the sensor's left out."""
    found: dict[str, dict[Row, float]] = {}
    for family in text_string_to_metric_families(metrics.expose("", "").body.decode()):
        for sample in family.samples:
            labels = {name: value for name, value in sample.labels.items() if name != SENSOR}
            found.setdefault(sample.name, {})[row(labels)] = sample.value
    return found


def row(labels: Mapping[str, str]) -> Row:
    """Return labels as a key."""
    return frozenset(labels.items())


def value(metrics: Metrics, name: str, **labels: str) -> float:
    """Return the sum of the series that have these labels."""
    series = exposed(metrics)[name]
    return sum(number for key, number in series.items() if key >= row(labels))


def verdict(
    outcome: Outcome | None = "violation",
    *,
    port: int = 50_000,
    rule: str | None = "RES-030",
    attribution: Attribution = GLOBAL,
    seconds: float = 0,
) -> Decision:
    """Return a decision on one of a client's connections (told apart by port) that lives for some seconds."""
    totals = Totals(bytes_up=100, bytes_down=1_000, duration_ns=int(seconds * 1e9))
    flow = FlowKey(CLIENT, port, SERVER, 443, "tcp")
    severity = "high" if outcome in {"violation", "indeterminate", "excepted"} else None
    connection = Connection(at(0), flow, CRM, (), None, totals, "sni")
    return Decision(at(0), connection, attribution, outcome, rule, severity)


def feed(metrics: Metrics, decisions: Iterable[Decision]) -> None:
    """Open and end connections."""
    for each in decisions:
        metrics.opened(each)
        metrics.ended(each)
