"""Coverage by source group: every connection counted once, in one class, for one group; sums that close."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import groups
from monitor.aids import Aids
from monitor.counts import FlowCount, total
from monitor.coverage import CONCEALMENTS, COVERAGE_CLASSES, ClassCounts, add_up, share
from monitor.groups import SourceGroup, SourceGroups, number_groups
from monitor.hosting import Hosting
from monitor.pipeline import Pipeline
from monitor.tally import Tally
from monitor.types import Connection, Hello, Subject, Totals
from sensors.connections import Counted, Flows, GroupCounted
from sensors.observations import FlowKey, HelloSeen, Observation
from tests.catalog_help import built_in
from tests.observed import at, ended, flow_key, hello
from tests.policy_help import compiled

POLICY = compiled(
    """
version: 1
id: groups
owner: dpo
issued: 2026-03-01
data_classes: [{name: crm}, {name: general}]
tenants:
  - name: acme
    groups:
      - {name: backend, sources: [10.20.0.0/16, "2001:db8:20::/48"], data_class: crm}
      - {name: office, sources: [10.20.1.128/25, 10.40.0.0/16], data_class: general}
  - name: other
    groups:
      - {name: backend, sources: [192.0.2.0/24], data_class: crm}
rules:
  - {id: A, outcome: allow}
"""
)[0]
GROUPS = number_groups(POLICY.networks)
SUBJECTS = (Subject(), *sorted(POLICY.subjects, key=str), Subject("gone", "gone", "crm"))
HOSTED, ELSEWHERE, ANTHROPIC = "198.51.100.9", "203.0.113.7", "160.79.104.10"


def test_groups_are_numbered_as_the_policy_has_them() -> None:
    assert GROUPS.rows == (
        SourceGroup("unassigned", groups=0),
        SourceGroup("group", "acme", "backend"),
        SourceGroup("group", "acme", "office"),
        SourceGroup("group", "other", "backend"),
    )
    assert GROUPS.prefixes == (
        ("10.20.0.0/16", 1),
        ("2001:db8:20::/48", 1),
        ("10.20.1.128/25", 2),
        ("10.40.0.0/16", 2),
        ("192.0.2.0/24", 3),
    )
    assert [GROUPS.number(subject) for subject in SUBJECTS] == [0, 1, 2, 3, 0]


@pytest.mark.parametrize(("count", "folded"), [(0, None), (3, None), (4, 2), (9, 7)])
def test_groups_beyond_the_bound_are_counted_together(
    count: int, folded: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "_LAST", 3)
    found = number_groups((f"10.0.{n}.0/24", Subject("t", f"g{n}", "d")) for n in range(count))
    assert len(found.rows) == min(count, 3) + 1
    assert max([number for _, number in found.prefixes], default=0) == len(found.rows) - 1
    assert sum(row.groups for row in found.rows) == count
    last = SourceGroup("folded", groups=folded) if folded else None
    assert found.rows[-1] == last or folded is None


TOTALS = st.builds(Totals, bytes_up=st.integers(0, 99), bytes_down=st.integers(0, 99))
CONNECTIONS = st.builds(
    lambda subject, totals, coverage, ech: Connection(
        at(0), flow_key(), subject, (), Hello("tls", ech=ech) if ech else None, totals, coverage
    ),
    st.sampled_from(SUBJECTS),
    TOTALS,
    st.sampled_from(COVERAGE_CLASSES[:5]),
    st.sampled_from([None, "none", "grease", "offered"]),
)
KINDS = st.sampled_from([None, None, "lookup", "hosted", *CONCEALMENTS])


@given(st.lists(st.tuples(CONNECTIONS, KINDS), max_size=30))
def test_the_groups_add_up_to_the_total(seen: list[tuple[Connection, str | None]]) -> None:
    tally = Tally(GROUPS)
    for connection, kind in seen:
        if kind == "lookup":
            tally.lookup(connection)
        elif kind in CONCEALMENTS:
            tally.concealing_connection(connection, kind)
        else:
            tally.connection(connection)
            if kind == "hosted":
                tally.hosted_connection(connection, attributed=connection.coverage == "address")
    by_group = [counts for _, counts in tally.covered_by_group()]
    assert len(by_group) == len(GROUPS.rows)
    everything = FlowCount()
    for connection, _ in seen:
        everything.add(connection)
    covered = tally.covered()
    assert total([tally.connections(), tally.lookups]) == everything
    assert total(counts.connections() for counts in by_group) == tally.connections()
    assert total(counts.lookups for counts in by_group) == covered.lookups
    assert total(counts.address_hosting for counts in by_group) == covered.address_hosting
    assert covered.coverage["concealing"] == total(covered.concealing.values())
    assert covered.address_attributed.flows <= covered.address_hosting.flows
    for number, (_, counts) in enumerate(tally.covered_by_group()):
        own = [each for each, kind in seen if GROUPS.number(each.subject) == number and kind != "lookup"]
        assert counts.connections().flows == len(own)
        offered = sum(each.hello is not None and each.hello.ech == "offered" for each in own)
        assert counts.ech_offered.flows == offered


def test_what_an_engine_counted_is_added_by_group() -> None:
    one = Flows(1, 10, 20)
    counted = Counted({
        0: GroupCounted({"sni": one}, lookups=one),
        2: GroupCounted({"address": Flows(3, 1, 1)}, one, Flows(2), one, Flows()),
    })  # fmt: skip
    tally = Tally(GROUPS)
    tally.counted(counted)
    tally.counted(counted)
    unassigned, backend, office, other = (counts for _, counts in tally.covered_by_group())
    assert (unassigned.coverage["sni"], unassigned.lookups) == (FlowCount(2, 20, 40), FlowCount(2, 20, 40))
    assert (office.coverage["address"].flows, office.ech_offered.flows, office.ech_grease.flows) == (6, 2, 4)
    assert office.address_hosting == FlowCount(2, 20, 40)
    assert backend == other == ClassCounts()
    assert add_up([unassigned, office]) == tally.covered()


def piped(*observations: Observation) -> Pipeline:
    """Return a pipeline that has seen these."""
    pipeline = Pipeline(built_in(), POLICY, aids=Aids(hosting=("198.51.100.0/24",)))
    for _ in pipeline.feed(observations):
        pass
    return pipeline


def flow(server: str, client: str = "10.20.1.5", port: int = 443) -> FlowKey:
    """Return a flow to a server."""
    return FlowKey(client, 50_000, server, port, "tcp")


@pytest.mark.parametrize(
    ("server", "port", "hosted", "attributed"),
    [
        (HOSTED, 443, 1, 0),
        (ELSEWHERE, 443, 0, 0),
        (ANTHROPIC, 443, 1, 1),  # of the catalogue's own ranges
        (f"::ffff:{HOSTED}", 443, 1, 0),
        (HOSTED, 853, 0, 0),  # encrypted DNS, of a class of its own
        (HOSTED, 53, 0, 0),  # a lookup
    ],
)
def test_what_has_no_name_where_llms_are_hosted(server: str, port: int, hosted: int, attributed: int) -> None:
    tally = piped(ended(20, 30, flow=flow(server, port=port))).tally
    covered = tally.covered()
    assert (covered.address_hosting.flows, covered.address_attributed.flows) == (hosted, attributed)
    assert tally.covered_by_group()[1][1] == covered


def test_a_name_is_never_among_them() -> None:
    key = flow(HOSTED)
    covered = piped(HelloSeen(at(21), key, "tls", "www.example.org"), ended(20, 30, flow=key)).tally.covered()
    assert (covered.coverage["sni"].flows, covered.address_hosting.flows) == (1, 0)


def test_ech_is_counted_beside_the_class() -> None:
    pipeline = piped(
        hello(21, "cloudflare-ech.com", ech="offered"),
        ended(20, 30),
        hello(31, "www.example.org", ech="grease"),
        ended(31, 40),
    )
    covered = pipeline.tally.covered()
    assert (covered.coverage["concealed"].flows, covered.coverage["sni"].flows) == (1, 1)
    assert (covered.ech_offered.flows, covered.ech_grease.flows) == (1, 1)


def test_without_a_policy_there_is_one_group() -> None:
    pipeline = Pipeline(built_in())
    assert pipeline.interest().groups == ()
    assert [row for row, _ in pipeline.tally.covered_by_group()] == list(SourceGroups().rows)


def test_the_interest_has_the_groups_and_the_ranges() -> None:
    interest = piped().interest()
    assert interest.groups == GROUPS.prefixes
    assert interest.hosting == (*built_in().interest().prefixes, "198.51.100.0/24")


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("10.1.2.3", True),
        ("11.0.0.0", False),
        ("192.0.2.4", True),
        ("192.0.2.5", False),
        ("::ffff:10.1.2.3", True),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("no address", False),
    ],
)
def test_hosting_ranges(address: str, wanted: bool) -> None:  # noqa: FBT001
    hosting = Hosting(("10.0.0.0/8", "192.0.2.4/32", "2001:db8::/32"))
    assert hosting.holds(address) is wanted
    assert Hosting(("0.0.0.0/0", "::/0")).holds(address) is (address != "no address")


NETWORKS = st.one_of(
    st.builds(
        lambda number, length: ipaddress.IPv4Network((number, length), strict=False),
        st.integers(0, 2**32 - 1).map(lambda number: number & 0x0301_0003),
        st.integers(0, 32),
    ),
    st.builds(
        lambda number, length: ipaddress.IPv6Network((number, length), strict=False),
        st.integers(0, 2**128 - 1).map(lambda number: number & (0x0301_0003 << 96 | 0x3)),
        st.integers(0, 128),
    ),
)


@given(st.lists(NETWORKS, max_size=6), NETWORKS, st.booleans())
def test_hosting_ranges_are_found_as_by_a_search(
    networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network],
    at_address: ipaddress.IPv4Network | ipaddress.IPv6Network,
    long: bool,  # noqa: FBT001
) -> None:
    address = at_address.network_address
    texts = [each.exploded.upper() if long else str(each) for each in networks]
    assert Hosting(texts).holds(str(address)) == any(address in each for each in networks)


def test_shares_are_cut_off() -> None:
    assert [share(*pair) for pair in ((9_999_999, 10_000_000), (1, 1), (0, 5), (2, 3))] == [
        0.9999, 1.0, 0.0, 0.6666,
    ]  # fmt: skip
    assert share(0, 0) is None
