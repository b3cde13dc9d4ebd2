"""Each behaviour by its edges, and what holds for all of them."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.behaviours import dual_exposure, relay, spans
from monitor.behaviours.unusual_upload import UnusualUploadWatcher
from monitor.types import Connection, Decision, Name, Outcome, Totals
from tests.behaviours_kit import (
    BACKEND,
    BACKEND_OTHER,
    BACKEND_V6,
    GUEST,
    OFFICE,
    arrival,
    decide,
    found,
    watch,
)
from tests.observed import SECOND_NS, at

DUAL = "dual_exposure: {window: 60s}"
BY_GROUP = "dual_exposure: {window: 60s, by: source_group}"
GATEWAYS = """\
gateways:
- {name: gw, addresses: [10.20.250.0/28, "2001:db8:20:f::/64"], hosts: ["*.llm.example"], for: [backend]}
- {name: other, hosts: [gw.example], for: [backend], severity: high}
"""
RELAY = 'relay: {crm_ranges: [198.51.100.0/24, "2001:db8:c::/48"], window: 60s, ports: [443, 8443]}'
UPLOADS = "upload_limits: [{data_class: crm, bytes: 10 kB}]"
CONSOLES = "consoles: {permitted: [office, 10.20.0.6/32]}"

Found = list[tuple[str, str | None, dict[str, int]]]


def exposed(source: str | None, within: int, outside: int) -> Found:
    return [("dual-exposure", source, {"within_policy": within, "outside_policy": outside})]


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        ([decide(0), decide(60, "violation")], exposed(BACKEND, 1, 1)),
        ([decide(0), decide(60.001, "violation")], []),
        ([decide(60, "violation"), decide(0)], exposed(BACKEND, 1, 1)),
        ([decide(60), decide(0, "violation")], exposed(BACKEND, 1, 1)),
        ([decide(60), decide(59.9, "violation")], exposed(BACKEND, 1, 1)),  # in two spans of time
        ([decide(0), decide(0), decide(1, "violation")], exposed(BACKEND, 2, 1)),
        ([decide(0), decide(200), decide(201, "violation")], exposed(BACKEND, 1, 1)),
        ([decide(0), decide(1, "indeterminate"), decide(2, "excepted"), decide(3, "unassigned")], []),
        ([decide(0, "indeterminate"), decide(1, "excepted"), decide(2, "violation")], []),
        ([decide(0), decide(1, "violation", BACKEND_OTHER)], []),
        ([decide(0), decide(1, "violation", OFFICE)], []),
        (
            [decide(0, "allow", BACKEND_V6), decide(1, "violation", BACKEND_V6)],
            exposed(BACKEND_V6, 1, 1),
        ),
    ],
)
def test_dual_exposure(seen: list[Decision], wanted: Found) -> None:
    assert found(DUAL, *seen) == wanted


def test_dual_exposure_by_group() -> None:
    seen = [decide(0), decide(1, "violation", BACKEND_OTHER), decide(2, "violation", OFFICE)]
    assert found(BY_GROUP, *seen) == exposed(None, 1, 1)


def test_dual_exposure_says_what_it_rests_on() -> None:
    early = [decide(second, port=second) for second in range(50)]
    behaviours, _ = watch(DUAL, [*early, decide(119, "violation"), decide(60, provider="mistral", port=9)])
    (only,) = behaviours.finish()
    assert only.what == (
        "10.20.0.5 (acme/backend) reached both endpoints within policy (mistral (global)) and outside policy"
        " (openai (global)) within 60s: 1 connection within, 1 outside"
    )
    assert [(rest.ts_ns, rest.part) for rest in only.rests_on] == [
        (at(60), "within-policy"),
        (at(119), "outside-policy"),
    ]
    assert (only.first_ns, only.last_ns, only.bytes_up) == (at(60), at(119), 2_000)


def test_among_many_the_near_pair_is_named() -> None:
    early = [decide(second / 2, port=second) for second in range(100)]
    behaviours, _ = watch(DUAL, [*early, decide(109, "violation")])
    (only,) = behaviours.finish()
    allowed = [rest.ts_ns for rest in only.rests_on if rest.part == "within-policy"]
    assert max(allowed) >= at(49)
    assert len(only.rests_on) <= 10


def bypassed(source: str, count: int = 1) -> Found:
    return [("gateway-bypass", source, {"connections": count})]


def called(name: str, source: str = "sni") -> list[Name]:
    assert source in ("sni", "dns")
    return [Name(name, "sni" if source == "sni" else "dns")]


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        (decide(0), bypassed(BACKEND)),
        (decide(0, "allow"), bypassed(BACKEND)),
        (decide(0, client=BACKEND_V6), bypassed(BACKEND_V6)),
        (decide(0, client=OFFICE), []),  # for which no gateway is declared
        (decide(0, client=GUEST), []),
        (decide(0, provider=None), []),
        (decide(0, client="10.20.250.3"), []),  # the gateway itself
        (decide(0, client="2001:db8:20:f::1"), []),
        (decide(0, server="10.20.250.3"), []),
        (decide(0, names=called("eu.llm.example")), []),
        (decide(0, names=called("EU.LLM.example.", "dns")), []),
        (decide(0, names=called("gw.example")), []),
        (decide(0, names=called("llm.example")), bypassed(BACKEND)),
        (decide(0, names=[Name("gw.example", "dns", "stale")]), bypassed(BACKEND)),
        (
            decide(
                0,
                provider="aws",
                service="Bedrock control plane",
                names=called("bedrock.eu-central-1.amazonaws.com"),
            ),
            [],
        ),
    ],
)
def test_gateway_bypass(seen: Decision, wanted: Found) -> None:
    assert found(GATEWAYS, seen) == wanted


def test_gateway_bypass_names_all_gateways_once() -> None:
    behaviours, came = watch(GATEWAYS, [decide(second, port=second) for second in range(5)])
    (only,) = behaviours.finish()
    assert only.what == (
        "10.20.0.5 (acme/backend) reached openai (global) directly, though gateway 'gw' or 'other' is"
        " declared for it: 5 connections"
    )
    assert only.severity == "high"  # the worst of both
    assert [each.counts["connections"] for each in came] == [1, 2, 4]
    assert {each.id for each in came} == {only.id}


def relayed(source: str, inbound: int = 1, calls: int = 1) -> Found:
    return [("relay-suspected", source, {"inbound": inbound, "calls": calls})]


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        ([arrival(0), decide(1)], relayed(BACKEND)),
        ([decide(1), arrival(0, seconds=5)], relayed(BACKEND)),  # the call ended first
        ([decide(60), arrival(0)], relayed(BACKEND)),
        ([decide(60.001), arrival(0)], []),
        ([decide(100), arrival(0, seconds=40)], relayed(BACKEND)),
        ([decide(100.001), arrival(0, seconds=40)], []),
        ([decide(0), arrival(0.001)], []),  # began before
        ([arrival(0), arrival(2, port=1), decide(3), decide(4)], relayed(BACKEND, 2, 2)),
        ([arrival(0), arrival(500), decide(501)], relayed(BACKEND)),
        ([arrival(0, server_port=8_443), decide(1)], relayed(BACKEND)),
        ([arrival(0, server_port=22), decide(1)], []),
        ([arrival(0, client="198.51.101.7"), decide(1)], []),
        ([arrival(0), decide(1, client=BACKEND_OTHER)], []),
        ([arrival(0), decide(1, provider=None)], []),
        ([arrival(0), decide(1, "violation", client=GUEST)], []),
        (
            [arrival(0, BACKEND_V6, "2001:db8:c::1"), decide(1, client=BACKEND_V6)],
            relayed(BACKEND_V6),
        ),
    ],
)
def test_relay(seen: list[Decision | Connection], wanted: Found) -> None:
    assert found(RELAY, *seen) == wanted


def test_a_relay_that_an_arrival_shows_comes_out_with_the_next_decision() -> None:
    _, came = watch(RELAY, [decide(1), arrival(0), decide(2, client=OFFICE)])
    (only,) = came
    assert only.what == (
        "relay suspected: 10.20.0.5 (acme/backend) was called from CRM ranges (1 connection), and meanwhile"
        " or within 60s after began 1 connection that ended at openai (global)"
    )
    assert [rest.part for rest in only.rests_on] == ["inbound", "call"]


@pytest.mark.parametrize(
    ("up", "client", "provider", "wanted"),
    [
        (10_000, BACKEND, "openai", 0),
        (10_001, BACKEND, "openai", 1),
        (10_001, OFFICE, "openai", 0),
        (10_001, GUEST, "openai", 0),
        (10_001, BACKEND, None, 0),
        (10_001, BACKEND_V6, "openai", 1),
    ],
)
def test_unusual_upload(up: int, client: str, provider: str | None, wanted: int) -> None:
    seen = decide(0, client=client, provider=provider, totals=Totals(bytes_up=up))
    assert len(found(UPLOADS, seen)) == wanted


def test_uploads_name_the_largest() -> None:
    seen = [decide(up, port=up, totals=Totals(bytes_up=up * 1_000)) for up in (9, 11, 30, 20)]
    (only,) = watch(UPLOADS, seen)[0].finish()
    assert only.what == (
        "10.20.0.5 (acme/backend) had 3 connections that ended at openai (global) and carried more up than"
        " 10.0 kB, the limit for data class crm; the largest carried 30.0 kB"
    )
    assert only.bytes_up == 61_000


@pytest.mark.parametrize(
    ("client", "name", "service", "provider", "wanted"),
    [
        (BACKEND, "chatgpt.com", "ChatGPT", "openai", "web interface of openai (ChatGPT)"),
        (GUEST, "chatgpt.com", "ChatGPT", "openai", "web interface of openai (ChatGPT)"),
        (
            BACKEND,
            "bedrock.eu-central-1.amazonaws.com",
            "Bedrock control plane",
            "aws",
            "control plane of aws (Bedrock control plane)",
        ),
        (BACKEND, "api.openai.com", "API", "openai", None),
        (OFFICE, "chatgpt.com", "ChatGPT", "openai", None),
        (BACKEND_OTHER, "chatgpt.com", "ChatGPT", "openai", None),
        (BACKEND, "chatgpt.com", "ChatGPT", None, None),
    ],
)
def test_console_access(
    client: str, name: str, service: str, provider: str | None, wanted: str | None
) -> None:
    seen = decide(0, client=client, provider=provider, service=service, names=called(name))
    said = [each.what for each in watch(CONSOLES, [seen])[0].finish()]
    assert len(said) == (wanted is not None)
    assert all(f"reached the {wanted} from outside the permitted networks" in each for each in said)


def test_consoles_may_be_control_planes_alone() -> None:
    seen = decide(0, service="ChatGPT", names=called("chatgpt.com"))
    assert found("consoles: {permitted: [office], roles: [control]}", seen) == []


ALL = f"{DUAL}\n{GATEWAYS}{RELAY}\n{UPLOADS}\n{CONSOLES}"
outcomes: st.SearchStrategy[Outcome] = st.sampled_from(["allow", "violation", "excepted", "indeterminate"])
moments = st.integers(0, 400).map(lambda tenths: tenths / 2)
clients = st.sampled_from([BACKEND, BACKEND_OTHER, OFFICE, BACKEND_V6])
ports = st.integers(1, 3)
decisions = st.builds(
    decide,
    moments,
    outcomes,
    clients,
    st.sampled_from(["openai", "aws", None]),
    port=ports,
    totals=st.builds(Totals, bytes_up=st.sampled_from([1, 20_000])),
)
arrivals = st.builds(arrival, moments, clients, seconds=st.sampled_from([0, 3, 90]), port=ports)


@given(st.lists(st.one_of(decisions, arrivals), max_size=40), st.randoms(use_true_random=False))
def test_any_order_gives_the_same(seen: list[Decision | Connection], chance: random.Random) -> None:
    behaviours, _ = watch(ALL, seen)
    wanted = behaviours.finish()
    shuffled = seen.copy()
    chance.shuffle(shuffled)
    again, _ = watch(ALL, shuffled)
    assert again.finish() == wanted
    assert behaviours.forgotten() == again.forgotten() == 0


def near(seen: Sequence[Decision], client: str, window: float) -> bool:
    """Tell by comparing all with all."""
    times = [
        [each.ts_ns for each in seen if each.outcome == outcome and each.connection.flow.client == client]
        for outcome in ("allow", "violation")
    ]
    return any(abs(one - other) <= window * SECOND_NS for one in times[0] for other in times[1])


@given(st.lists(decisions, max_size=30))
def test_dual_exposure_is_what_comparing_all_with_all_finds(seen: list[Decision]) -> None:
    wanted = [client for client in (BACKEND, BACKEND_OTHER, OFFICE, BACKEND_V6) if near(seen, client, 60)]
    assert sorted(str(source) for _, source, _ in found(DUAL, *seen)) == sorted(wanted)


@given(st.lists(st.one_of(decisions, arrivals), max_size=30))
def test_a_relay_is_what_comparing_all_with_all_finds(seen: list[Decision | Connection]) -> None:
    wanted = {
        call.connection.flow.client
        for call in seen
        if isinstance(call, Decision) and call.attribution.provider is not None
        for inbound in seen
        if isinstance(inbound, Connection) and inbound.flow.server == call.connection.flow.client
        if 0 <= call.ts_ns - inbound.ts_ns <= inbound.totals.duration_ns + 60 * SECOND_NS
    }
    assert {source for _, source, _ in found(RELAY, *seen)} == wanted


def test_identifiers_do_not_depend_on_time() -> None:
    first, second = (watch(ALL, [decide(start), decide(start + 1, "violation")])[0] for start in (0, 9_000))
    assert [each.id for each in first.finish()] == [each.id for each in second.finish()]
    assert len({each.id for each in first.finish()}) == len(first.finish()) == 2


def test_the_worst_come_first() -> None:
    section = f"{DUAL}\n{UPLOADS.replace('10 kB', '10 kB, severity: critical')}"
    seen = [decide(0), decide(1, "violation"), decide(2, totals=Totals(bytes_up=20_000))]
    assert [kind for kind, _, _ in found(section, *seen)] == ["unusual-upload", "dual-exposure"]


def test_sources_are_bounded_and_only_a_loss_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dual_exposure, "MAX_SOURCES", 2)
    monkeypatch.setattr(relay, "MAX_HOSTS", 2)
    section = f"{DUAL}\n{RELAY}"
    long_ago = [decide(second * 1_000, client=f"10.20.0.{second}") for second in range(9)]
    assert watch(section, long_ago)[0].forgotten() == 0
    together = [decide(second, client=f"10.20.0.{second}") for second in range(9)]
    assert watch(section, together)[0].forgotten() == 14


def test_cases_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.behaviours.cases.MAX_CASES", 3)
    behaviours, _ = watch(GATEWAYS, [decide(0, client=f"10.20.0.{last}") for last in range(5)])
    assert behaviours.forgotten() == 2
    assert [each.source for each in behaviours.finish()] != []
    assert UnusualUploadWatcher(()).forgotten == 0


def test_old_spans_are_added_up_and_what_comes_too_late_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "MAX_SPANS", 3)
    seen = [
        each
        for minute in range(0, 100, 5)
        for each in (decide(minute * 60), decide(minute * 60, "violation"))
    ]
    behaviours, _ = watch(DUAL, [*seen, decide(1)])
    (only,) = behaviours.finish()
    assert only.counts == {"within_policy": 20, "outside_policy": 20}
    assert only.first_ns == at(0)
    assert behaviours.forgotten() == 1


def test_old_arrivals_are_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "MAX_ARRIVALS", 3)
    seen = [each for start in range(0, 5_000, 500) for each in (arrival(start), decide(start))]
    behaviours, _ = watch(RELAY, [*seen, arrival(1)])
    (only,) = behaviours.finish()
    assert only.counts == {"inbound": 10, "calls": 10}
    assert behaviours.forgotten() == 1
