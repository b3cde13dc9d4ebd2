"""Events as ECS has them: each field is one of version 8, of the type that it has there."""

import ipaddress
import json
import re
from collections.abc import Iterator
from typing import Any

from hypothesis import given

from monitor.events import Event, FindingEvent, ecs
from tests.events_kit import TYPICAL, any_event

# Of the reference of ECS 8.17: every field that we write, and its type.
FIELDS = {
    "@timestamp": "date", "message": "text", "ecs.version": "keyword", "organization.name": "keyword",
    "observer.name": "keyword", "observer.product": "keyword", "observer.vendor": "keyword",
    "observer.type": "keyword", "observer.version": "keyword",
    "event.id": "keyword", "event.kind": "keyword", "event.category": "keywords", "event.type": "keywords",
    "event.action": "keyword", "event.code": "keyword",
    "event.dataset": "keyword", "event.module": "keyword", "event.provider": "keyword",
    "event.severity": "long", "event.start": "date", "event.end": "date", "event.reason": "keyword",
    "rule.id": "keyword", "rule.name": "keyword", "rule.category": "keyword", "rule.description": "keyword",
    "rule.ruleset": "keyword", "rule.reference": "keyword",
    "cloud.target.provider": "keyword", "cloud.target.region": "keyword",
    "cloud.target.service.name": "keyword",
    "source.address": "keyword", "source.ip": "ip", "source.port": "long",
    "destination.address": "keyword", "destination.ip": "ip", "destination.port": "long",
    "destination.domain": "keyword",
    "network.transport": "keyword", "network.type": "keyword", "network.direction": "keyword",
    "related.ip": "ips", "related.hosts": "keywords", "tls.client.server_name": "keyword",
}  # fmt: skip
ALLOWED = {
    "event.kind": {"alert", "event"},
    "network.transport": {"tcp", "udp"},
    "network.type": {"ipv4", "ipv6"},
    "network.direction": {"outbound"},
}
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each field by its dotted name."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, f"{path}.{key}" if path else key)
    else:
        yield path, value


def fits(kind: str, value: Any) -> bool:
    if kind in ("ips", "keywords"):
        return isinstance(value, list) and all(fits(kind[:-1], each) for each in value)
    if kind == "long":
        return type(value) is int
    if not isinstance(value, str):
        return False
    if kind == "ip":
        return bool(ipaddress.ip_address(value))
    return kind != "date" or DATE.fullmatch(value) is not None


@given(any_event())
def test_fields_are_those_of_ecs(event: Event) -> None:
    for name, value in leaves(json.loads(json.dumps(ecs(event)))):
        if name.startswith("residency."):
            continue
        if name.startswith("labels."):
            assert isinstance(value, str)
            continue
        assert fits(FIELDS[name], value), (name, value)
        assert name not in ALLOWED or value in ALLOWED[name], (name, value)


@given(any_event())
def test_the_required_fields_are_there(event: Event) -> None:
    document = ecs(event)
    assert document["ecs"]["version"].startswith("8.")
    assert document["event"]["id"] == event.key
    assert document["event"]["kind"] == ("alert" if isinstance(event, FindingEvent) else "event")


def test_a_pseudonym_has_no_ip_and_no_port() -> None:
    document = ecs(TYPICAL["indeterminate"])
    assert document["source"] == {"address": "client-00112233445566778899aabbccddeeff"}
    assert document["related"] == {"ip": ["2001:db8::7"]}
    assert "tls" not in document


def test_the_region_is_that_of_the_target_not_of_the_sensor() -> None:
    document = ecs(TYPICAL["violation"])
    assert document["cloud"] == {"target": {"provider": "openai", "service": {"name": "API"}}}
    assert document["tls"]["client"]["server_name"] == "api.openai.com"
