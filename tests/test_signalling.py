"""Media that names nobody may be a call that its client had arranged: it is possible, and never more."""

import msgspec
import pytest

from monitor.correlator import Correlator
from monitor.pipeline import Pipeline
from monitor.types import Decision, Name
from sensors.connections import ConnectionSeen
from sensors.limits import NameLimits
from sensors.observations import FlowKey, FlowUpdate, HelloSeen, Observation
from tests.catalog_help import built_in
from tests.observed import CLIENT, OTHER, ended, flow_key, hello, resolved

MEDIA = FlowKey(CLIENT, 50_000, "192.0.2.50", 3_478, "udp")
SIGNALLING = "chatgpt.com"


def media(first: float, last: float, flow: FlowKey = MEDIA) -> list[Observation]:
    """Return what is seen of a call."""
    begun = msgspec.structs.replace(hello(first, None, flow), carrier="stun")
    return [begun, end(first, last, flow)]


def end(first: float, last: float, flow: FlowKey) -> FlowUpdate:
    """Return a flow's end."""
    return msgspec.structs.replace(ended(first, last), flow=flow)


def decided(*observations: Observation) -> list[Decision]:
    """Return the decisions on media."""
    decisions = Pipeline(built_in()).feed(observations)
    return [decision for decision in decisions if decision.connection.flow.transport == "udp"]


def test_media_while_an_assistant_is_connected_is_possibly_its_voice() -> None:
    (decision,) = decided(hello(0, SIGNALLING), *media(1_000, 1_300), ended(0, 2_000))
    attribution = decision.attribution
    assert (attribution.provider, attribution.possible) == (None, ("openai",))
    assert (attribution.certainty, attribution.countries) == ("indeterminate", ())
    assert [(each.kind, each.value) for each in attribution.evidence] == [("signalling", SIGNALLING)]
    assert "media names nobody" in attribution.evidence[0].says
    assert decision.connection.coverage == "address"


@pytest.mark.parametrize(("first", "is_one"), [(1, True), (309, True), (311, False)])
def test_signalling_counts_for_a_while_after_it_ended(first: float, *, is_one: bool) -> None:
    assert len(decided(hello(0, SIGNALLING), ended(0, 10), *media(first, first + 5))) == is_one


def test_what_arranges_no_call_or_another_clients_says_nothing() -> None:
    assert decided(hello(0, "api.mistral.ai"), *media(1, 2)) == []
    assert decided(hello(0, SIGNALLING, flow_key(client=OTHER)), *media(1, 2)) == []
    assert decided(*media(0, 3), hello(5, SIGNALLING)) == []


def test_other_datagrams_are_no_media() -> None:
    assert decided(hello(0, SIGNALLING), end(1, 2, MEDIA)) == []


def test_a_name_that_the_client_was_told_counts_more() -> None:
    known = resolved(1, "turn.livekit.cloud", MEDIA.server)
    (decision,) = decided(hello(0, SIGNALLING), known, *media(2, 3))
    assert [name.source for name in decision.connection.names] == ["dns"]
    ordinary = resolved(1, "turn.example.org", MEDIA.server)
    assert decided(hello(0, SIGNALLING), ordinary, *media(2, 3)) == []


def named(correlator: Correlator, *observations: Observation) -> list[tuple[Name, ...]]:
    """Return the names of the media."""
    seen = [correlator.feed(each) for each in observations]
    return [each.names for each in seen if isinstance(each, ConnectionSeen) and each.flow.transport == "udp"]


def test_clients_and_hosts_are_bounded() -> None:
    correlator = Correlator(NameLimits(callers=2), lambda _: True)
    for index in range(3):
        flow = flow_key(client=f"10.0.0.{index}")
        correlator.feed(hello(index, "a.test", flow))
    calls = [msgspec.structs.replace(MEDIA, client=f"10.0.0.{index}") for index in range(3)]
    names = [named(correlator, *media(5, 6, call)) for call in calls]
    assert [len(each[0]) for each in names] == [0, 1, 1]
    hosts: list[HelloSeen] = [hello(index, f"{index}.test") for index in range(10)]
    (told,) = named(Correlator(NameLimits(), lambda _: True), *hosts, *media(20, 21))
    assert [name.value for name in told] == [f"{index}.test" for index in range(9, 1, -1)]
