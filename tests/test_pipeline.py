"""The straight line: which names of a connection are read, and which are written."""

import functools

import msgspec

from monitor import app
from monitor.aids import Aids
from monitor.attribution.readings import MAX_NAMES
from monitor.correlator import Correlator
from monitor.counts import FlowCount
from monitor.pipeline import Pipeline
from monitor.policy import Policy
from monitor.types import Decision
from sensors.connections import CorrelatorCounters, Counted, Flows, GroupCounted
from sensors.limits import NameLimits
from sensors.observations import DataSeen, Observation
from tests.observed import OTHER, ended, flow_key, hello, resolved
from tests.policy_help import policy as small

LLM = "api.deepseek.com"


@functools.cache
def knowledge() -> app.Knowledge:
    """Return the built-in catalogue, read once."""
    return app.load_knowledge()


def decide(*observations: Observation, policy: Policy | None = None) -> tuple[list[Decision], Pipeline]:
    """Return the decisions on observations, by default without a policy."""
    pipeline = Pipeline(knowledge().catalog, policy)
    return list(pipeline.feed(observations)), pipeline


def written(decision: Decision) -> list[tuple[str, str]]:
    """Return the names of a decision's connection."""
    return [(name.value, name.state) for name in decision.connection.names]


def test_many_live_names_hide_no_llm() -> None:
    others = [resolved(1 + index / 10, f"n{index}.example.org") for index in range(100)]
    (decision,), pipeline = decide(resolved(0, LLM), *others, ended(20, 30))
    assert decision.attribution.possible == ("deepseek",)
    assert len(decision.connection.names) == MAX_NAMES
    assert decision.reasons == ("69 more names of this address, as the client was told, not listed here",)
    assert pipeline.tally.shortened_lists == 1
    assert pipeline.tally.shortened_llm_lists == 0


def test_llm_names_alone_stay_unambiguous_when_their_list_is_cut() -> None:
    names = [f"r{index}.openai.azure.com" for index in range(40)]
    (decision,), pipeline = decide(*(resolved(0, name) for name in names), ended(20, 30))
    assert decision.attribution.provider is not None
    assert pipeline.tally.shortened_llm_lists == 1


def test_a_list_that_fits_is_not_marked() -> None:
    (decision,), pipeline = decide(resolved(0, LLM), resolved(0, "www.example.org"), ended(20, 30))
    assert decision.reasons == ()
    assert pipeline.tally.shortened_lists == 0


def test_what_others_were_told_is_written_only_where_it_is_an_llm() -> None:
    (decision,), _ = decide(
        resolved(0, LLM),
        resolved(0, "claude.ai", client=OTHER),
        resolved(0, "www.private-clinic.example", client=OTHER),
        ended(20, 30),
    )
    assert written(decision) == [(LLM, "live"), ("claude.ai", "foreign")]


def test_what_expired_is_written_only_where_it_is_an_llm() -> None:
    (decision,), _ = decide(
        resolved(-500, LLM),
        resolved(-500, "www.private-clinic.example"),
        ended(20, 30),
    )
    assert written(decision) == [(LLM, "stale")]


def test_beside_a_carried_name_only_llm_names_are_written() -> None:
    (decision,), _ = decide(
        resolved(0, LLM),
        resolved(0, "www.private-clinic.example"),
        hello(19, "eu.api.openai.com"),
        ended(20, 30),
    )
    assert written(decision) == [("eu.api.openai.com", "live"), (LLM, "live")]


def test_the_aliases_of_a_name_make_it_an_llms() -> None:
    (decision,), _ = decide(resolved(-500, "llm.corp.example", cnames=(LLM,)), ended(20, 30))
    assert written(decision) == [("llm.corp.example", "stale")]


def test_a_name_that_is_not_written_still_keeps_a_resolvers_other_name_from_being_the_only_one() -> None:
    policy = small("  - {id: A, outcome: allow}", f"resolvers: [{OTHER}]")
    told = resolved(0, "eu.api.openai.com", client=OTHER)
    (alone,), _ = decide(told, ended(20, 30), policy=policy)
    assert alone.attribution.provider == "openai"
    other = resolved(0, "www.private-clinic.example", client=OTHER)
    (decision,), _ = decide(told, other, ended(20, 30), policy=policy)
    assert (decision.attribution.provider, decision.attribution.possible) == (None, ("openai",))
    assert written(decision) == [("eu.api.openai.com", "foreign")]


PRIVATE = "10.60.5.4"
BEDROCK = "bedrock-runtime.eu-central-1.amazonaws.com"


def test_names_that_share_a_private_address_do_not_speak_against_each_other() -> None:
    """An intermediary answers for all of them, where DNS leads everything through it."""
    at_private = flow_key(server=PRIVATE)
    decisions, pipeline = decide(
        resolved(0, BEDROCK, PRIVATE),
        hello(10, "www.private-clinic.example", flow=at_private),
        ended(9, 12, flow=at_private),
    )
    assert decisions == []
    assert pipeline.tally.coverage["sni"].flows == 1
    (decision,), _ = decide(
        resolved(0, "www.private-clinic.example", PRIVATE),
        hello(10, BEDROCK, flow=at_private),
        ended(9, 12, flow=at_private),
    )
    assert decision.attribution.conflicts == ()
    assert written(decision) == [(BEDROCK, "live")]


def test_what_a_proxy_is_called_is_not_written() -> None:
    (decision,), _ = decide(
        resolved(0, "proxy.private-clinic.example"),
        msgspec.structs.replace(hello(10, BEDROCK), carrier="http-connect"),
        ended(9, 12),
    )
    assert written(decision) == [(BEDROCK, "live")]


def test_a_decision_ahead_of_the_end_is_counted_nowhere() -> None:
    pipeline = Pipeline(knowledge().catalog, correlator=Correlator(eager=True))
    fresh = Pipeline(knowledge().catalog)
    many = [resolved(0, LLM), *(resolved(index / 10, f"n{index}.example.org") for index in range(100))]
    active = msgspec.structs.replace(ended(20, 21, reason="active"), final=False)
    lookup = msgspec.structs.replace(active, flow=flow_key(port=53))
    (opened,) = pipeline.feed([*many, active, lookup, DataSeen(active.ts_ns, active.flow, 0)])
    assert opened.is_open
    assert opened.attribution.possible == ("deepseek",)
    assert vars(pipeline.tally) == vars(fresh.tally)
    (last,) = pipeline.feed([ended(20, 30)])
    assert not last.is_open
    assert (last.attribution, last.connection.names) == (opened.attribution, opened.connection.names)
    assert pipeline.tally.related.flows == pipeline.tally.shortened_lists == 1


def test_what_a_sensor_counted_adds_up() -> None:
    pipeline = Pipeline(knowledge().catalog)
    counted = Counted(
        {0: GroupCounted({"sni": Flows(2, 10, 20)}, lookups=Flows(1, 1, 1))}, CorrelatorCounters(3, 4)
    )
    pipeline.count(counted)
    pipeline.count(counted)
    pipeline.count(Counted())
    assert pipeline.tally.coverage["sni"] == FlowCount(4, 20, 40)
    assert pipeline.tally.lookups.flows == 2
    assert pipeline.forgotten() == CorrelatorCounters(6, 8)


def test_another_policy_takes_over_what_is_remembered_and_counts_anew() -> None:
    old = Pipeline(knowledge().catalog, correlator=Correlator(NameLimits(hellos=1)))
    flow = flow_key()
    assert not list(old.feed([hello(1, LLM), hello(1, "www.example.org"), ended(0, 9, flow_key(OTHER))]))
    old.count(Counted(forgotten=CorrelatorCounters(5, 5)))
    assert old.forgotten() == CorrelatorCounters(6, 5)
    new = old.reloaded(knowledge().catalog, small("  - {id: A, outcome: allow}"), Aids())
    (decision,) = new.feed([ended(0, 9, flow)])
    assert decision.attribution.provider == "deepseek"
    assert decision.outcome is not None
    assert (new.tally.connections().flows, new.forgotten()) == (1, CorrelatorCounters())
