"""What a sensor publishes: all that it observes, parted by whose it is, the same by both engines."""

import ipaddress
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.catalog.hostmatch import NameIndex, normal_name
from monitor.load import load_catalog
from monitor.pipeline import Pipeline
from pcaps import golden
from sensors import native, publishing
from sensors.connections import ConnectionSeen
from sensors.engine import Options, open_sensor
from sensors.interest import Interest
from sensors.live import Manner
from sensors.names import AddressSet, NameSet
from sensors.observations import Gap, Observation
from sensors.publishing import LINGER_NS, Cut, Published, Publisher, Publishing
from sensors.relayed import Relayed
from sensors.series import NativeSeries, ReferenceSeries
from sensors.slots import SLOTS, slot_of
from tests.observed import CLIENT, OTHER, RESOLVER, ended, flow_key, hello, resolved

CASES = [case.name for case in golden.cases()]
KEY = b"fleet"
INTEREST = Pipeline(load_catalog()).interest()
WANTED = Interest(names=("api.openai.com",), resolvers=(f"{RESOLVER}/32",))
EVERYBODYS, NOBODYS, ITS_OWN = (True, None), (False, None), (False, slot_of(CLIENT, KEY))
SECOND_NS = 1_000_000_000
needs_native = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)


def decoded(cut: Cut) -> list[Observation]:
    return msgspec.msgpack.decode(cut.data, type=list[Observation])


def read_through(series: NativeSeries | ReferenceSeries, case: str) -> tuple[list[object], Published]:
    series.add(golden.traffic(golden.PCAPS / case))
    handed_on: list[object] = []
    while series.is_reading:
        handed_on += series.next_batch() or ()
    series.finish()
    while (batch := series.next_batch()) is not None:
        handed_on += batch
    return handed_on, series.published(cut=True)


def in_their_own_order(cuts: tuple[Cut, ...]) -> Iterator[list[Observation]]:
    """What is whose, in the order in which it was published."""
    whose: dict[tuple[bool, int | None], list[Observation]] = {}
    for cut in cuts:
        whose.setdefault((cut.names, cut.slot), []).extend(decoded(cut))
    return iter(whose.values())


@needs_native
@pytest.mark.parametrize("case", CASES)
def test_both_engines_publish_the_same_and_all_that_is_observed(case: str) -> None:
    manner = Manner(INTEREST, publishing=Publishing(KEY))
    reference, native_ = ReferenceSeries(manner), NativeSeries(manner)
    observed, published = read_through(reference, case)
    handed_on, again = read_through(native_, case)
    assert again == published
    assert again.shed == 0
    everything = [each for cut in again.cuts for each in decoded(cut)]
    assert sorted(map(repr, everything)) == sorted(map(repr, observed))
    for whose in in_their_own_order(again.cuts):
        places = iter(observed)
        assert all(each in places for each in whose)  # a subsequence
    clocks = [cut.clock_ns for cut in again.cuts]
    assert clocks == sorted(clocks)
    assert all(each.ts_ns <= cut.clock_ns for cut in again.cuts for each in decoded(cut))
    assert all(len(decoded(cut)) == cut.count for cut in again.cuts)
    plain, nothing = read_through(NativeSeries(Manner(INTEREST)), case)
    assert (handed_on, nothing) == (plain, Published())


@needs_native
def test_without_judging_nothing_is_handed_on_and_the_same_is_published() -> None:
    both = read_through(ReferenceSeries(Manner(INTEREST, publishing=Publishing(KEY))), "demo")[1]
    manner = Manner(INTEREST, publishing=Publishing(KEY, judge=False))
    for series in (NativeSeries(manner), ReferenceSeries(manner)):
        assert read_through(series, "demo") == ([], both)
        assert series.counted().groups == {}


@needs_native
@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize("case", CASES)
def test_what_is_published_leads_to_the_same_connections_elsewhere(case: str, partitions: int) -> None:
    sensor = open_sensor([golden.traffic(golden.PCAPS / case)], "native", Options(interest=INTEREST))
    here = [each for batch in sensor for each in batch if isinstance(each, ConnectionSeen)]
    manner = Manner(INTEREST, publishing=Publishing(KEY, judge=False))
    _, published = read_through(NativeSeries(manner), case)
    there: list[ConnectionSeen] = []
    for partition in range(partitions):
        relayed = Relayed(INTEREST)
        for cut in published.cuts:
            if cut.names or (cut.slot or 0) % partitions == partition:
                relayed.take(cut.data)
        while batch := relayed.next_batch():
            there += [each for each in batch if isinstance(each, ConnectionSeen)]
    assert sorted(map(known, there)) == sorted(map(known, here))


def known(seen: ConnectionSeen) -> str:
    """A connection, with those names of others that may count."""
    fits = NameSet(INTEREST.names).fits
    names = tuple(
        name
        for name in seen.names
        if name.state in ("live", "stale") or any(map(fits, (name.value, *name.cnames)))
    )
    return repr(msgspec.structs.replace(seen, names=names))


def published(*observations: Observation, linger_ns: int = LINGER_NS) -> Published:
    publisher = Publisher(Publishing(KEY, linger_ns=linger_ns), WANTED)
    publisher.take(observations)
    return publisher.published(cut=True)


@pytest.mark.parametrize(
    ("seen", "whose"),
    [
        (resolved(0, "api.openai.com"), EVERYBODYS),
        (resolved(0, "alias.example", cnames=("x.example", "api.openai.com")), EVERYBODYS),
        (resolved(0, "other.example"), ITS_OWN),
        (resolved(0, "other.example", client=RESOLVER), EVERYBODYS),
        (hello(0, "api.openai.com"), ITS_OWN),
        (ended(0, 1), ITS_OWN),
        (Gap(1, 0, 1, 1, "decode"), NOBODYS),
    ],
)
def test_whose_an_observation_is(seen: Observation, whose: tuple[bool, int | None]) -> None:
    (cut,) = published(seen).cuts
    assert ((cut.names, cut.slot), decoded(cut)) == (whose, [seen])


def test_what_lingered_is_cut_with_the_clock_of_its_last_observation() -> None:
    cuts = published(*(ended(0, second) for second in (0, 1, 0, 2, 3, 9)), linger_ns=2 * SECOND_NS).cuts
    first = ended(0, 0).ts_ns
    assert [((cut.clock_ns - first) // SECOND_NS, cut.count) for cut in cuts] == [(1, 3), (3, 2), (9, 1)]


def test_much_of_one_slot_is_cut_alone_behind_the_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "MAX_OBSERVATIONS", 3)
    cuts = published(ended(0, 1, flow_key(OTHER)), resolved(1, "api.openai.com"), *[ended(0, 1)] * 4).cuts
    slots = slot_of(CLIENT, KEY), slot_of(OTHER, KEY)
    assert [(cut.names, cut.slot, cut.count) for cut in cuts] == [
        (True, None, 1), (False, slots[0], 3), (False, slots[1], 1), (False, slots[0], 1),
    ]  # fmt: skip


def test_what_there_is_no_room_for_is_counted_until_there_is() -> None:
    publisher = Publisher(Publishing(KEY, bound_bytes=1), WANTED)
    publisher.take([ended(0, 1), ended(0, 1)])
    assert [(publisher.published(cut=True).shed, len(publisher.published(cut=True).cuts))] == [(1, 0)]
    publisher.take([ended(0, 1)])
    last = publisher.published(cut=True)
    assert (last.shed, len(last.cuts)) == (0, 1)


@given(address=st.ip_addresses(), key=st.binary(min_size=1, max_size=80))
def test_a_slot_is_one_of_them_and_follows_from_key_and_address(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, key: bytes
) -> None:
    slot = slot_of(str(address), key)
    assert 0 <= slot < SLOTS
    assert slot == slot_of(str(address), key)


LABEL = st.text("abc*", min_size=1, max_size=3).filter(lambda label: label.count("*") < 2)
PATTERNS = st.lists(
    st.lists(LABEL, max_size=2).map(lambda labels: ".".join([*labels, "b"])), max_size=4
)  # the last label has no star


@given(patterns=PATTERNS, names=st.lists(st.text("abAB.", max_size=9), max_size=6))
def test_names_that_fit_are_those_of_the_catalogue(patterns: list[str], names: list[str]) -> None:
    index = NameIndex[str]()
    for pattern in patterns:
        index.add(pattern, pattern)
    index.seal()
    fits = NameSet(patterns).fits
    for name in (*names, *(f"{name}." for name in names)):
        normal = normal_name(name)
        assert fits(name) == (normal is not None and index.match(normal) is not None)


def test_addresses_that_are_held() -> None:
    held = AddressSet(["10.0.0.0/8", "2001:db8::/32"])
    assert [held.fits(each) for each in ("10.1.2.3", "11.0.0.1", "2001:db8::1", "2001:db9::1")] == [
        True, False, True, False,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="no prefix"):
        AddressSet(["no prefix"])
