"""Flows and their names: what was carried, what the client was told and when, and what must stay apart."""

from typing import get_args

import msgspec
import pytest

from monitor.correlator import Correlator
from monitor.types import Coverage, Name
from sensors.connections import ConnectionSeen
from sensors.limits import NameLimits
from sensors.observations import Carrier, DataSeen, FlowKey, FlowUpdate, HelloSeen, Observation
from tests.hellos import client_hello
from tests.observed import OTHER, SERVER, at, ended, flow_key, hello, resolved
from tests.segments import ACK, Ports, Run, closing, handshake, up
from tests.stream_bytes import PROXY_HEADERS

LLM = "api.openai.com"


def active(first: float, last: float, flow: FlowKey | None = None) -> FlowUpdate:
    """Return the totals of a flow that lives on."""
    return msgspec.structs.replace(ended(first, last, flow, "active"), final=False)


def correlate(*observations: Observation) -> list[ConnectionSeen]:
    """Return the connections that came of observations."""
    feed = Correlator().feed
    return [connection for each in observations if (connection := feed(each)) is not None]


def test_the_name_on_the_wire_comes_with_the_alias_chain_that_the_client_was_told() -> None:
    (connection,) = correlate(
        resolved(0, "contoso.openai.azure.com", cnames=("westeurope.api.cognitive.microsoft.com",)),
        hello(1, "contoso.openai.azure.com"),
        ended(0.9, 5),
    )
    name = Name("contoso.openai.azure.com", "sni", "live", ("westeurope.api.cognitive.microsoft.com",))
    assert connection.names == (name,)
    assert (connection.coverage, connection.ts_ns) == ("sni", at(0.9))
    assert (connection.totals.bytes_up, connection.totals.duration_ns) == (1_000, 4_100_000_000)


@pytest.mark.parametrize("carrier", ["http-connect", "socks"])
def test_a_proxys_target_stands_behind_the_name_inside(carrier: Carrier) -> None:
    target = msgspec.structs.replace(hello(1, "203.0.113.99"), carrier=carrier)
    (connection,) = correlate(target, ended(0.9, 5))
    assert connection.names == (Name("203.0.113.99", "connect", "live"),)
    (connection,) = correlate(target, hello(2, LLM), ended(0.9, 5))
    assert [(name.value, name.source) for name in connection.names] == [
        (LLM, "sni"),
        ("203.0.113.99", "connect"),
    ]
    assert connection.coverage == "sni"


def test_what_conceals_has_a_source_too() -> None:
    """Its hello has no name; a sensor that says one all the same breaks nothing."""
    for carrier in get_args(Carrier):
        (connection,) = correlate(msgspec.structs.replace(hello(1, LLM), carrier=carrier), ended(0.9, 5))
        assert [name.value for name in connection.names] == [LLM]


@pytest.mark.parametrize("ports", [{"client_port": 50_001}, {"server_port": 8_443}])
def test_two_that_claim_to_be_the_same_keep_their_names(ports: Ports) -> None:
    """A PROXY header may name the ends of a connection that is another's."""
    header, _ = PROXY_HEADERS["version 1, IPv4"]
    mine, other = client_hello(LLM), client_hello("other.example")
    run = Run(
        [
            *handshake(),
            *handshake(1, **ports),
            up(25, ACK, 1, header),
            up(25, ACK, 1, header, **ports),
            up(26, ACK, 1 + len(header), other, **ports),
            up(27, ACK, 1 + len(header), mine),
            *closing(50, 1 + len(header + other), 1, **ports),
        ]
    )
    connections = correlate(*run.all)
    assert [[name.value for name in each.names] for each in connections] == [[LLM], ["other.example"]]
    assert len({(each.flow.client, each.flow.client_port, each.flow.server) for each in connections}) == 1


NAMES: list[tuple[str, list[Observation], list[tuple[str, str]], Coverage]] = [
    ("one answer", [resolved(0, LLM)], [(LLM, "live")], "dns"),
    ("within the grace", [resolved(0, LLM, ttl=5)], [(LLM, "live")], "dns"),
    ("after the grace", [resolved(-100, LLM, ttl=5)], [(LLM, "stale")], "address"),
    ("answered again", [resolved(-100, LLM, ttl=5), resolved(9, LLM, ttl=5)], [(LLM, "live")], "dns"),
    ("answered later only", [resolved(11, LLM)], [], "address"),
    (
        "expired, then answered later",
        [resolved(-100, LLM, ttl=5), resolved(11, LLM)],
        [(LLM, "stale")],
        "address",
    ),
    ("another client's", [resolved(0, LLM, client=OTHER)], [(LLM, "foreign")], "address"),
    ("another client's, stale", [resolved(-100, LLM, client=OTHER, ttl=5)], [], "address"),
    ("another address", [resolved(0, LLM, "203.0.113.99")], [], "address"),
    (
        "two names, the later first",
        [resolved(0, LLM), resolved(1, "www.example.org")],
        [("www.example.org", "live"), (LLM, "live")],
        "ambiguous",
    ),
    (
        "own before foreign",
        [resolved(0, LLM), resolved(1, "www.example.org", client=OTHER)],
        [(LLM, "live"), ("www.example.org", "foreign")],
        "dns",
    ),
]


@pytest.mark.parametrize(
    ("observations", "names", "coverage"), [row[1:] for row in NAMES], ids=[row[0] for row in NAMES]
)
def test_without_a_name_on_the_wire_the_clients_own_live_answers_count(
    observations: list[Observation], names: list[tuple[str, str]], coverage: Coverage
) -> None:
    (connection,) = correlate(*observations, ended(10, 20))
    assert [(name.value, name.state) for name in connection.names] == names
    assert connection.coverage == coverage


@pytest.mark.parametrize(
    ("observations", "names", "coverage", "ech"),
    [
        ([hello(1, "cloudflare-ech.com", ech="offered")], [], "concealed", "offered"),
        ([resolved(0, LLM), hello(1, "cloudflare-ech.com", ech="offered")], [LLM], "dns", "offered"),
        ([hello(1, LLM, ech="grease")], [LLM], "sni", "grease"),
        (
            [resolved(0, LLM, ech=("front.example",)), hello(1, "front.example", ech="grease")],
            [LLM],
            "dns",
            "offered",
        ),
        ([resolved(0, LLM, ech=("front.example",)), hello(1, LLM, ech="grease")], [LLM], "sni", "grease"),
        (
            [resolved(0, LLM, ech=("front.example",)), hello(1, "front.example")],
            ["front.example", LLM],
            "sni",
            "none",
        ),
    ],
    ids=["no DNS", "with DNS", "GREASE", "public name told by DNS", "no public name", "no ECH at all"],
)
def test_the_outer_name_of_ech_is_not_the_name(
    observations: list[Observation], names: list[str], coverage: Coverage, ech: str
) -> None:
    (connection,) = correlate(*observations, ended(0.9, 5))
    assert [name.value for name in connection.names] == names
    assert connection.coverage == coverage
    assert connection.hello is not None
    assert connection.hello.ech == ech
    assert (connection.hello.outer_name is None) == (ech != "offered")


def test_in_a_tunnel_the_inner_name_comes_first() -> None:
    flow = flow_key(port=3_128)
    tunnel = HelloSeen(at(1), flow, "http-connect", "proxy-target.example")
    (connection,) = correlate(tunnel, hello(2, LLM, flow), ended(0.9, 5, flow))
    assert [(name.value, name.source) for name in connection.names] == [
        (LLM, "sni"),
        ("proxy-target.example", "connect"),
    ]


@pytest.mark.parametrize(
    ("end", "coverage"),
    [
        (ended(1, 2), "address"),
        (ended(1, 2, midstream=True), "midstream"),
        (ended(1, 2, reason="evicted"), "lost"),
    ],
)
def test_why_there_is_no_name(end: Observation, coverage: Coverage) -> None:
    (connection,) = correlate(end)
    assert (connection.coverage, connection.names) == (coverage, ())


def test_an_incomplete_hello_without_a_name_is_lost() -> None:
    incomplete = msgspec.structs.replace(hello(1, None), complete=False)
    (connection,) = correlate(incomplete, ended(0.9, 5))
    assert connection.coverage == "lost"


def test_interim_totals_make_no_connection() -> None:
    update = msgspec.structs.replace(ended(1, 2), final=False, reason="active")
    assert correlate(update) == []


def test_the_bounds_hold_and_are_counted() -> None:
    join = Correlator(NameLimits(pending=5, hellos=2, names=3))
    for index in range(9):
        join.feed(hello(1, LLM, flow_key(server=f"203.0.113.{index}")))
        join.feed(resolved(1, f"n{index}.example", "198.51.100.1"))
    assert join.counters().forgotten_hellos == 4
    assert join.counters().forgotten_names == 12  # of the client, and of everybody
    for _ in range(5):
        join.feed(hello(1, LLM, flow_key(server="203.0.113.8")))
    assert join.counters().forgotten_hellos == 8


def test_every_live_name_is_a_candidate() -> None:
    names = [f"n{index}.example" for index in range(40)]
    (connection,) = correlate(
        resolved(0, LLM), *(resolved(1 + index / 10, name) for index, name in enumerate(names)), ended(10, 20)
    )
    assert [name.value for name in connection.names] == [*reversed(names), LLM]


def test_an_expired_chain_says_nothing_of_a_carried_name() -> None:
    (connection,) = correlate(
        resolved(-500, LLM, ttl=5, cnames=("westeurope.example",)), hello(1, LLM), ended(0.9, 5)
    )
    assert connection.names == (Name(LLM, "sni", "live", ()),)


def test_what_the_client_was_told_follows_the_carried_name() -> None:
    (connection,) = correlate(
        resolved(-500, "stale.example", ttl=5),
        resolved(0, "one.example"),
        resolved(0, "foreign.example", client=OTHER),
        resolved(0.5, "two.example", cnames=("edge.example",)),
        hello(1, LLM),
        ended(0.9, 5),
    )
    assert connection.names == (
        Name(LLM, "sni"),
        Name("two.example", "dns", "live", ("edge.example",)),
        Name("one.example", "dns"),
    )
    assert connection.coverage == "sni"


def test_dns_has_nothing_to_add_where_it_gave_the_address_for_the_carried_name() -> None:
    (connection,) = correlate(resolved(0, "other.example"), resolved(0, LLM), hello(1, LLM), ended(0.9, 5))
    assert [name.value for name in connection.names] == [LLM]


@pytest.mark.parametrize(
    "earlier",
    [resolved(-500, LLM, ttl=5), resolved(0, "llm.corp.example", cnames=(LLM,))],
    ids=["expired", "as an alias"],
)
def test_an_answer_for_the_carried_name_need_not_be_new_or_for_itself(earlier: Observation) -> None:
    """Applications keep addresses for longer than the TTL, and may carry what an alias leads to."""
    (connection,) = correlate(earlier, resolved(0, "other.example"), hello(1, LLM), ended(0.9, 5))
    assert connection.names == (Name(LLM, "sni"),)


def test_a_chain_of_another_address_is_not_borrowed() -> None:
    (connection,) = correlate(
        resolved(0, LLM, "198.51.100.1", cnames=("edge.example",)), hello(1, LLM), ended(0.9, 5)
    )
    assert connection.names == (Name(LLM, "sni", "live", ()),)
    assert connection.flow.server == SERVER


def test_what_a_resolver_was_told_is_kept_apart() -> None:
    """It asks for clients that are not seen: a hint, but not the client's own question."""
    for resolver, state in ((OTHER, "resolver"), ("10.20.1.99", "foreign")):
        feed = Correlator(is_resolver=resolver.__eq__).feed
        feed(resolved(0, LLM, client=OTHER))
        connection = feed(ended(1, 5))
        assert connection is not None
        assert connection.names == (Name(LLM, "dns", state),)  # type: ignore[arg-type]
        assert connection.coverage == "address"


def test_a_resolvers_answer_expires_and_is_nothing_beside_the_clients_own() -> None:
    correlator = Correlator(is_resolver=OTHER.__eq__)
    correlator.feed(resolved(0, LLM, client=OTHER, ttl=10))
    correlator.feed(resolved(0, "www.example.com"))
    seen = [correlator.feed(ended(first, first + 1)) for first in (5, 71)]
    states = [[(name.value, name.state) for name in each.names] for each in seen if each is not None]
    assert states[0] == [("www.example.com", "live"), (LLM, "resolver")]
    assert LLM not in [name for name, _ in states[1]]


def test_an_eager_one_tells_of_a_living_flow_what_is_known_by_then() -> None:
    feed = Correlator(eager=True).feed
    feed(resolved(0, LLM))
    assert feed(hello(1, "www.example.org")) is None
    opened = feed(active(0.5, 1))
    feed(resolved(2, "late.example.org"))
    feed(hello(3, "inner.example.org"))
    again, last = feed(active(0.5, 3)), feed(ended(0.5, 9))
    assert opened is not None
    assert again is not None
    assert last is not None
    assert [name.value for name in opened.names] == ["www.example.org", LLM]
    assert [name.value for name in again.names] == ["inner.example.org", "www.example.org", LLM]
    assert (opened.totals.reason, opened.coverage) == ("active", "sni")
    assert (again.names, again.hello, again.coverage) == (last.names, last.hello, last.coverage)


def test_one_that_is_not_eager_says_nothing_of_living_flows() -> None:
    feed = Correlator().feed
    feed(hello(1, LLM))
    assert feed(active(0.5, 1)) is None


def test_a_living_flow_goes_on_signalling() -> None:
    media = flow_key(server="198.51.100.9", port=3_478)
    stun = HelloSeen(at(900), media, "stun", None)
    for told, hosts in ((active(0, 1), [LLM]), (ended(0, 1), [])):
        feed = Correlator(is_signalling=LLM.__eq__, eager=True).feed
        for observation in (hello(1, LLM), told, stun):
            feed(observation)
        connection = feed(ended(900, 901, media))
        assert connection is not None
        assert [name.value for name in connection.names] == hosts


def test_data_passes_where_the_flow_is_remembered() -> None:
    correlator = Correlator(NameLimits(pending=1), eager=True)
    first, second = DataSeen(at(2), flow_key(), 100), DataSeen(at(2), flow_key(OTHER), 100)
    correlator.feed(hello(1, LLM))
    assert (correlator.passes(first), correlator.passes(second)) == (True, False)
    correlator.feed(hello(1, LLM, flow_key(OTHER)))
    assert (correlator.passes(first), correlator.passes(second)) == (False, True)
    correlator.feed(ended(0, 3, flow_key(OTHER)))
    assert not correlator.passes(second)


def test_what_is_remembered_outlives_what_it_is_asked_for() -> None:
    correlator = Correlator()
    correlator.feed(resolved(0, LLM, client=OTHER))
    correlator.retarget(lambda _: False, OTHER.__eq__, lambda _: True)
    correlator.feed(resolved(0, "www.example.org", client=OTHER))
    connection = correlator.feed(ended(1, 2))
    assert connection is not None
    assert [(name.value, name.state) for name in connection.names] == [
        ("www.example.org", "resolver"),
        (LLM, "foreign"),
    ]
