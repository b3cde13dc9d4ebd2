"""The rows of the summary: what makes one, whom it names, and what it must not hide."""

import msgspec
import pytest

from monitor import tally
from monitor.tally import Tally, evident_name
from monitor.types import Attribution, Connection, Decision, Evidence, Name, Subject, Totals
from tests.observed import CLIENT, at, flow_key

LLM = Attribution(provider="openai", scope="global", certainty="observed")


def decision(
    second: float = 0, client: str = CLIENT, *names: Name, attribution: Attribution = LLM
) -> Decision:
    """Return a decision on a connection with these names."""
    connection = Connection(at(second), flow_key(client), Subject(), names, None, Totals(), "dns")
    return Decision(at(second), connection, attribution)


LIVE, OTHER_LIVE = Name("a.example", "dns"), Name("b.example", "dns")
STALE, FOREIGN = Name("a.example", "dns", "stale"), Name("a.example", "dns", "foreign")
CARRIED = Name("sni.example", "sni")


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ((CARRIED,), "sni.example"),
        ((CARRIED, LIVE, OTHER_LIVE), "sni.example"),
        ((LIVE,), "a.example"),
        ((LIVE, FOREIGN), "a.example"),
        ((LIVE, OTHER_LIVE), None),
        ((STALE,), None),
        ((FOREIGN,), None),
        ((), None),
    ],
)
def test_a_name_is_shown_only_where_it_is_evident(names: tuple[Name, ...], wanted: str | None) -> None:
    judged = decision(0, CLIENT, *names)
    name = evident_name(judged.connection)
    assert (name.value if name else None) == wanted
    totals = Tally()
    totals.decision(judged)
    (row,) = totals.destinations()
    assert row.name == wanted


def test_a_row_counts_its_clients() -> None:
    totals = Tally()
    for second, client in ((3, "10.99.0.3"), (1, "10.99.0.1"), (2, "10.99.0.2"), (4, "10.99.0.1")):
        totals.decision(decision(second, client))
    (row,) = totals.destinations()
    assert (row.clients, row.more_clients, row.flow.client) == (3, False, "10.99.0.1")


def test_the_clients_of_a_row_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "MAX_CLIENTS", 10)
    totals = Tally()
    for index in range(12):
        totals.decision(decision(index, f"10.99.0.{index % 10}"))
    assert [(row.clients, row.more_clients) for row in totals.destinations()] == [(10, False)]
    totals.decision(decision(13, "10.99.1.1"))
    assert [(row.clients, row.more_clients) for row in totals.destinations()] == [(10, True)]


def test_the_clients_of_all_rows_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "MAX_ALL_CLIENTS", 10)
    totals = Tally()
    for index in range(12):
        provider = msgspec.structs.replace(LLM, provider=f"p{index % 2}")
        totals.decision(decision(index, f"10.99.0.{index}", attribution=provider))
    assert [(row.clients, row.more_clients) for row in totals.destinations()] == [(5, True), (5, True)]


def test_contradicted_flows_are_a_row_of_their_own() -> None:
    against = Evidence("geoip", "x", "that contradicts", "D")
    totals = Tally()
    totals.decision(decision(0))
    totals.decision(decision(1, attribution=msgspec.structs.replace(LLM, conflicts=(against,))))
    rows = totals.destinations()
    assert [(row.key.conflicted, row.conflicts) for row in rows] == [(False, ()), (True, (against.says,))]


def test_rows_do_not_depend_on_the_order_of_flows() -> None:
    names = [Name(f"{index}.example", "sni") for index in range(4)]
    decisions = [decision(index // 2, f"10.99.0.{index}", name) for index, name in enumerate(names)]
    forth, back = Tally(), Tally()
    for each in decisions:
        forth.decision(each)
    for each in reversed(decisions):
        back.decision(each)
    assert forth.destinations() == back.destinations()
