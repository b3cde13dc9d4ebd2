"""The native correlator says what the Python one says, and counts what it does not say."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.aids import Aids
from monitor.catalog.hostmatch import normal_name
from monitor.correlator import Correlator
from monitor.counts import FlowCount
from monitor.coverage import COVERAGE_CLASSES
from monitor.pipeline import DNS_PORT, Pipeline
from monitor.types import Coverage, Decision
from pcaps import golden
from sensors import native
from sensors.connections import ConnectionSeen, CorrelatorCounters, Counted, Flows, Seen
from sensors.engine import Options, open_sensor
from sensors.interest import MAX_GROUPS, Interest
from sensors.limits import Limits, NameLimits
from sensors.names import NameSet
from sensors.observations import DataSeen, FlowUpdate, Gap
from tests.catalog_help import compiled
from tests.exchanges_kit import Answer, Call, Flow, capture, exchanges
from tests.policy_help import compiled as compiled_policy
from tests.test_engines_agree import SMALL

pytestmark = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)
SIGNALLING = ("api.llm.test", "*.openai.test")
RESOLVER = "10.20.1.6"  # one of the clients asks in others' place
EVERYTHING = Interest(
    names=("*.com",),  # that others are taken to know
    prefixes=("0.0.0.0/0", "::/0"),
    signalling=SIGNALLING,
    resolvers=(f"{RESOLVER}/32",),
)
CATALOG = compiled(
    """
    providers:
      - {id: one, name: One, operator_country: US}
      - {id: two, name: Two, operator_country: DE}
    defaults: {source: a source, date: 2026-01-01, verified: full, scope: global}
    endpoints:
      - {provider: one, service: API, voice: true, host: [api.llm.test, "*.openai.test"]}
      - {provider: two, service: API, host: "e*.llm.test", cname_only: true}
      - {provider: two, service: API, host: mixed.test, possible: true}
      - {provider: two, service: own, cidr: 198.51.100.0/24}
      - {service: other, host: mail.example.org, not_llm: true}
      - {service: outside, host: cloudflare-ech.com, role: ech-outer, behind: [one, two]}
    """
)


def is_signalling(host: str) -> bool:
    """Tell whether voice and video are arranged at a host."""
    normal = normal_name(host)
    return normal == "api.llm.test" or (normal is not None and normal.endswith(".openai.test"))


GROUPS = """
version: 1
id: groups
owner: dpo
issued: 2026-03-01
data_classes: [{name: crm}]
tenants:
  - name: acme
    groups:
      - {name: all, sources: [10.20.0.0/16], data_class: crm}
      - {name: few, sources: [10.20.1.6, "2001:db8::/33"], data_class: crm}
rules:
  - {id: A, outcome: allow}
"""


class Joined:
    """Connections and gaps in order, and the flows that were only counted."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.lookups = FlowCount()
        self.forgotten = CorrelatorCounters()


def by_python(path: Path, options: Options, engine: str = "dpkt") -> Joined:
    """Correlate what an engine observes."""
    joined = Joined()
    known = NameSet(EVERYTHING.names).fits
    correlator = Correlator(options.names, is_signalling, RESOLVER.__eq__, known, eager=options.eager)
    for batch in open_sensor([path], engine, options):
        for seen in batch:
            if isinstance(seen, Gap) or (isinstance(seen, DataSeen) and correlator.passes(seen)):
                joined.seen.append(seen)
                continue
            assert not isinstance(seen, ConnectionSeen)
            connection = correlator.feed(seen)
            if connection is None:
                continue
            if connection.flow.server_port == DNS_PORT and connection.hello is None:
                totals = connection.totals
                if totals.reason != "active":
                    joined.lookups.include(Flows(1, totals.bytes_up, totals.bytes_down))
            else:
                joined.seen.append(connection)
    joined.forgotten = correlator.counters()
    return joined


def by_native(path: Path, interest: Interest, options: Options | None = None) -> tuple[list[Seen], Counted]:
    """Correlate inside the engine."""
    options = msgspec.structs.replace(options or Options(), interest=interest)
    sensor = open_sensor([path], "native", options)
    return [seen for batch in sensor for seen in batch], sensor.counted()


def of_class(counted: Counted, name: Coverage) -> int:
    """Return how many flows of a class were counted, in all groups."""
    return sum(group.coverage.get(name, Flows()).flows for group in counted.groups.values())


def counted_lookups(counted: Counted) -> FlowCount:
    """Return the lookups that were counted, in all groups."""
    lookups = FlowCount()
    for group in counted.groups.values():
        lookups.include(group.lookups)
    return lookups


def compare(path: Path, options: Options, engine: str = "dpkt") -> None:
    """Hand everything out, and find the same."""
    wanted = by_python(path, options, engine)
    seen, counted = by_native(path, EVERYTHING, options)
    assert seen == wanted.seen
    assert counted.forgotten == wanted.forgotten
    assert counted_lookups(counted) == wanted.lookups
    assert sum(of_class(counted, name) for name in COVERAGE_CLASSES) == 0


@pytest.mark.parametrize("case", golden.cases(), ids=lambda case: case.name)
@pytest.mark.parametrize("limits", [Limits(), SMALL], ids=["usual limits", "small limits"])
@pytest.mark.parametrize("eager", [False, True], ids=["replay", "live"])
def test_our_captures(case: Path, limits: Limits, *, eager: bool) -> None:
    names = NameLimits() if limits == Limits() else NameLimits(2, 1, 3_000, 1, 1, 1)
    compare(golden.traffic(case), Options(limits, names=names, eager=eager), "native")


def test_an_engine_of_the_other_kind_tells_of_living_connections_too() -> None:
    path = golden.traffic(golden.PCAPS / "demo")
    compare(path, Options(eager=True))
    seen, _ = by_native(path, EVERYTHING, Options(eager=True))
    opened = [each for each in seen if isinstance(each, ConnectionSeen) and each.totals.reason == "active"]
    assert opened
    assert {each.flow for each in seen if isinstance(each, DataSeen)} <= {each.flow for each in opened}


few = st.integers(1, 3)
name_limits = st.builds(
    NameLimits,
    pending=few,
    hellos=few,
    answer_bytes=st.sampled_from([100, 900, 2_000, 5_000, 100_000]),
    public_names=few,
    names=few,
    lifetimes=few,
    callers=few,
)


@given(exchanges(), st.one_of(st.just(NameLimits()), name_limits), st.booleans())
def test_any_exchanges(
    made: list[Answer | Flow | Call],
    names: NameLimits,
    eager: bool,  # noqa: FBT001
) -> None:
    with TemporaryDirectory() as folder:
        compare(capture(made, Path(folder)), Options(names=names, eager=eager))


def test_of_equal_lifetimes_the_first_counts(tmp_path: Path) -> None:
    told = [("edge.llm.test", 3_600), ("cdn.example.net", 60), ("edge.llm.test", 0)]
    made = [Answer(0, "10.20.1.5", "www.example.org", ("203.0.113.7",), (alias,), ttl) for alias, ttl in told]
    path = capture([*made, Flow(1_000, "10.20.1.5", "203.0.113.7")], tmp_path)
    compare(path, Options())
    (connection,) = by_python(path, Options()).seen
    assert isinstance(connection, ConnectionSeen)
    assert connection.coverage == "dns"


def grouped() -> Pipeline:
    """Return a pipeline with source groups one inside the other, and ranges that host LLM endpoints."""
    return Pipeline(
        CATALOG, compiled_policy(GROUPS)[0], aids=Aids(hosting=("203.0.113.0/29", "2001:db8:1::/48"))
    )


def ends(path: Path) -> Iterator[FlowUpdate]:
    """Yield the ends of all flows."""
    for batch in open_sensor([path], "dpkt"):
        yield from (seen for seen in batch if isinstance(seen, FlowUpdate) and seen.final)


def piped(path: Path, interest: Interest | None, *, eager: bool = False) -> tuple[list[Decision], Pipeline]:
    """Return the decisions on a capture, and the pipeline with what it counted, batch by batch."""
    pipeline = grouped()
    sensor = open_sensor([path], "native", Options(interest=interest, eager=eager))
    decisions: list[Decision] = []
    for batch in sensor:
        decisions += pipeline.feed(batch)
        pipeline.count(sensor.counted())
    pipeline.count(sensor.counted())
    return decisions, pipeline


@given(exchanges())
def test_an_interest_changes_nothing_that_comes_out(made: list[Answer | Flow | Call]) -> None:
    with TemporaryDirectory() as folder:
        path = capture(made, Path(folder))
        decisions, whole = piped(path, None)
        same, filtered = piped(path, grouped().interest())
        ended = sum(1 for _ in ends(path))
    assert same == decisions
    assert filtered.forgotten() == whole.forgotten()
    assert vars(filtered.tally) == vars(whole.tally)
    assert ended == whole.tally.connections().flows + whole.tally.lookups.flows


@given(exchanges())
def test_living_connections_change_nothing_that_is_counted(made: list[Answer | Flow | Call]) -> None:
    with TemporaryDirectory() as folder:
        path = capture(made, Path(folder))
        decisions, whole = piped(path, None)
        early, live = piped(path, grouped().interest(), eager=True)
    assert [decision for decision in early if not decision.is_open] == decisions
    assert vars(live.tally) == vars(whole.tally)
    assert vars(live.behaviours) == vars(whole.behaviours)


def test_clients_may_be_of_interest(tmp_path: Path) -> None:
    made = [
        Flow(index, client, "10.20.1.5", name="www.example.org")
        for index, client in enumerate(("198.51.100.7", "198.51.101.7"))
    ]
    made.append(Flow(2, "2001:db8:c::7", "2001:db8::5"))
    interest = Interest(client_prefixes=("198.51.100.0/24", "2001:db8:c::/48"))
    seen, counted = by_native(capture(made, tmp_path), interest)
    clients = [each.flow.client for each in seen if isinstance(each, ConnectionSeen)]
    assert clients == ["198.51.100.7", "2001:db8:c::7"]
    assert of_class(counted, "sni") == 1


def test_names_that_nobody_cares_about_stay_inside(tmp_path: Path) -> None:
    said = "www.example.org", "api.llm.test", "mail.example.org", "a.openai.test"
    path = capture(
        [Flow(index, "10.20.1.5", "203.0.113.7", name=name) for index, name in enumerate(said)], tmp_path
    )
    seen, counted = by_native(path, CATALOG.interest())
    names = [each.names[0].value for each in seen if isinstance(each, ConnectionSeen)]
    assert names == ["api.llm.test", "a.openai.test"]
    assert of_class(counted, "sni") == 2


def test_ports_and_protocols_may_be_of_interest(tmp_path: Path) -> None:
    made = [
        Flow(0, "10.20.1.5", "203.0.113.7", 853),
        Flow(1, "10.20.1.5", "203.0.113.7", name="www.example.org", protocol="dot"),
        Flow(2, "10.20.1.5", "203.0.113.7", name="www.example.org"),
    ]
    interest = Interest(server_ports=(853,), alpn=("dot",))
    seen, counted = by_native(capture(made, tmp_path), interest)
    assert len(seen) == 2
    assert of_class(counted, "sni") == 1


def test_what_is_no_prefix_is_refused(tmp_path: Path) -> None:
    path = capture([], tmp_path)
    for wanted in (
        Interest(prefixes=("192.0.2.0/33",)),
        Interest(hosting=("192.0.2.0/33",)),
        Interest(groups=(("192.0.2.0/33", 1),)),
    ):
        with pytest.raises(ValueError, match=r"^192\.0\.2\.0/33$"):
            by_native(path, wanted)


def test_a_group_beyond_the_bound_is_refused(tmp_path: Path) -> None:
    path = capture([], tmp_path)
    with pytest.raises(ValueError, match=r"^group 4096$"):
        by_native(path, Interest(groups=(("192.0.2.0/24", MAX_GROUPS),)))
    by_native(path, Interest(groups=(("192.0.2.0/24", MAX_GROUPS - 1),)))


def test_many_ranges_are_taken(tmp_path: Path) -> None:
    many = tuple(f"100.{n >> 8 & 255}.{n & 255}.{n >> 16 << 4}/28" for n in range(100_000))
    made = [Flow(0, "10.20.1.5", "100.1.2.7"), Flow(1, "10.20.1.5", "100.1.2.70")]
    _, counted = by_native(capture(made, tmp_path), Interest(hosting=many))
    (group,) = counted.groups.values()
    assert (group.coverage["address"].flows, group.address_hosting.flows) == (2, 1)
