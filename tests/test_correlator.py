"""Flows and their names: what was carried, what the client was told and when, and what must stay apart."""

import msgspec
import pytest

from monitor import correlator, resolutions
from monitor.correlator import Correlator
from monitor.types import Connection, Coverage, Name
from sensors.observations import HelloSeen, Observation
from tests.observed import OTHER, SERVER, at, ended, flow_key, hello, resolved

LLM = "api.openai.com"


def correlate(*observations: Observation) -> list[Connection]:
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
            ["front.example"],
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


def test_the_bounds_hold_and_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correlator, "MAX_PENDING", 5)
    monkeypatch.setattr(resolutions, "MAX_NAMES", 3)
    monkeypatch.setattr(resolutions, "MAX_ADDRESSES", 4)
    monkeypatch.setattr(resolutions, "MAX_CLIENTS", 2)
    join = Correlator()
    for index in range(9):
        join.feed(hello(1, LLM, flow_key(server=f"203.0.113.{index}")))
        join.feed(resolved(1, f"n{index}.example"))
        join.feed(resolved(1, LLM, f"198.51.100.{index}", client=f"10.9.9.{index}"))
    counters = join.counters()
    assert counters.forgotten_hellos == 4
    connection = join.feed(ended(2, 3))
    assert connection is not None
    own = [name.value for name in connection.names if name.state == "live"]
    assert own == [] or len(own) <= 3
    # of the 10 clients 2 are kept; of everybody's 10 addresses 4; SERVER's names above 3 were dropped
    assert counters.forgotten_names >= 8 + 6 + 5


def test_a_chain_of_another_address_is_not_borrowed() -> None:
    (connection,) = correlate(
        resolved(0, LLM, "198.51.100.1", cnames=("edge.example",)), hello(1, LLM), ended(0.9, 5)
    )
    assert connection.names == (Name(LLM, "sni", "live", ()),)
    assert connection.flow.server == SERVER
