"""The metrics of a replay of the demo: what they come to, what promtool says, and what no label may hold."""

import ipaddress
import json
import subprocess
from collections.abc import Callable, Iterable, Iterator

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from monitor.metrics import Metrics
from monitor.metrics.families import FIRST_BYTE, HANDSHAKE
from monitor.metrics.family import LABELS, SENSOR
from monitor.pipeline import Pipeline
from sensors.engine import Options, open_sensor
from tests.metrics_kit import NAME, PROMTOOL, ROOT, example, exposed, loaded, needs_promtool, value

DEMO = ROOT / "pcaps/demo"
OPENMETRICS = "application/openmetrics-text;version=1.0.0"


@pytest.fixture(scope="module")
def replayed() -> Metrics:
    """Return the metrics of the demo under the example policy."""
    known, metrics = example(), loaded()
    pipeline = Pipeline(known.catalog, known.policy, known.aids())
    sensor = open_sensor([DEMO / "traffic.pcap"], "auto", Options(interest=pipeline.interest()))
    for batch in sensor:
        for decision in pipeline.feed(batch):
            metrics.opened(decision, 1_000_000)
            metrics.ended(decision)
    pipeline.count(sensor.counted())
    metrics.covered(pipeline.tally)
    metrics.accounted(sensor.accounting())
    return metrics


def strings(document: object) -> Iterator[str]:
    """Yield all strings of a document."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict | list):
        for each in document.values() if isinstance(document, dict) else document:
            yield from strings(each)


def test_decisions_and_connections_are_those_of_the_replay(replayed: Metrics) -> None:
    decided = [json.loads(line) for line in (DEMO / "decisions.jsonl").read_text().splitlines()]
    assert value(replayed, "residency_decisions_total") == len(decided)
    assert value(replayed, "residency_verdicts_total") == len(decided)
    assert value(replayed, "residency_decision_bytes_total", reason="up") == sum(
        each["connection"]["totals"]["bytes_up"] for each in decided
    )
    for outcome in ("violation", "allow", "indeterminate", "excepted", "unassigned"):
        wanted = sum(each["outcome"] == outcome for each in decided)
        assert value(replayed, "residency_verdicts_total", outcome=outcome) == wanted > 0
        counted = value(replayed, "residency_destination_connections_total", outcome=outcome)
        assert counted == wanted
    for name in ("handshake_rtt", "first_byte"):
        taken = [each["connection"]["totals"].get(f"{name}_ns") for each in decided]
        seconds = [each / 1e9 for each in taken if each is not None]
        assert value(replayed, f"residency_{name}_seconds_count") == len(seconds) > 0
        assert value(replayed, f"residency_{name}_seconds_sum") == pytest.approx(sum(seconds))
    flows = value(replayed, "residency_connections_total") + value(replayed, "residency_lookup_flows_total")
    seen = [json.loads(line) for line in (DEMO / "observations.jsonl").read_text().splitlines()]
    assert flows == sum(each["type"] == "flow_update" and each["final"] for each in seen)


def test_no_label_holds_an_address_or_a_name_of_the_capture(replayed: Metrics) -> None:
    """Neither of LLM traffic nor of any other."""
    lines = (DEMO / "observations.jsonl").read_text().splitlines()
    names = {word for line in lines for word in strings(json.loads(line)) if "." in word or ":" in word}
    assert {"api.openai.com", "10.20.1.15"} <= names
    held = {text for series in exposed(replayed).values() for key in series for _, text in key}
    assert len(held) > 40
    for text in held:
        assert not any(name in text for name in names), text
        with pytest.raises(ValueError, match="does not appear to be"):
            ipaddress.ip_address(text)


def test_labels_are_a_closed_set(replayed: Metrics) -> None:
    for series in exposed(replayed).values():
        for key in series:
            assert {name for name, _ in key} <= LABELS | {"le"}


@needs_promtool
def test_promtool_has_nothing_to_say(replayed: Metrics) -> None:
    body = replayed.expose("", "").body
    result = subprocess.run([PROMTOOL, "check", "metrics"], input=body, capture_output=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain;version=1.0.0;q=0.4", "text/plain; version=1.0.0; charset=utf-8; escaping=underscores"),
        (
            f"{OPENMETRICS};escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
        ),
        ("application/openmetrics-text; version=abc", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text; version=9", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain; version=1.0.0\r\nX-Mine: 1", "text/plain; version=0.0.4; charset=utf-8"),
        ("," * 8_000, "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain" + ";q=1" * 2_000 + "!", "text/plain; version=0.0.4; charset=utf-8"),
    ],
)
def test_the_format_is_the_one_asked_for_if_there_is_such_a_one(
    replayed: Metrics, accept: str, content_type: str
) -> None:
    shown = replayed.expose(accept, "")
    assert shown.content_type == content_type
    assert shown.body.endswith(b"# EOF\n") == content_type.startswith("application/openmetrics-text")
    assert b"residency_verdicts_total{" in shown.body


@pytest.mark.parametrize(
    ("accept", "parse"), [("", text_string_to_metric_families), (OPENMETRICS, parse_openmetrics)]
)
def test_histograms_with_labels_read_back_whole(
    replayed: Metrics, accept: str, parse: Callable[[str], Iterable[Metric]]
) -> None:
    found = {family.name: family for family in parse(replayed.expose(accept, "").body.decode())}
    for family in (HANDSHAKE, FIRST_BYTE):
        read = found[family.name]
        assert (read.type, read.documentation) == ("histogram", family.says)
        endpoints = {(each.labels["provider"], each.labels["dst_region"]) for each in read.samples}
        assert ("openai", "group:eu") in endpoints
        assert len(read.samples) == len(endpoints) * family.lines
        assert {each.labels[SENSOR] for each in read.samples} == {NAME}


def test_the_text_reads_back_as_what_was_counted(replayed: Metrics) -> None:
    text = replayed.expose("", "").body.decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    total = sum(sample.value for sample in families["residency_verdicts"].samples)
    assert total == value(replayed, "residency_verdicts_total")
    assert families["residency_policy_info"].samples[0].labels["policy"].startswith("eu-crm@")
