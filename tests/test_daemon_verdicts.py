"""When verdicts were given: after the hello, and before the data."""

import pytest

from monitor.daemon import verdicts
from monitor.daemon.verdicts import Lead, Verdicts
from monitor.types import Connection, Owner, Subject, Totals
from sensors.observations import DataSeen, FlowKey


def flow(port: int = 1) -> FlowKey:
    return FlowKey("10.20.1.15", port, "203.0.113.5", 443, "tcp")


def opened(port: int = 1, began_ns: int = 1_000) -> Connection:
    """A connection whose hello was whole after 400 ns."""
    totals = Totals(duration_ns=400, reason="active")
    return Connection(began_ns, flow(port), Subject(), (), None, totals, "sni")


def test_how_long_after_the_hello_and_before_the_data() -> None:
    given = Verdicts()
    verdict, latency_ns = given.open(opened(), 1_900)
    assert (verdict.decided_ns, latency_ns) == (1_900, 500)
    for data_ns, lead_ns in [(2_400, 500), (1_900, 0), (1_500, -400)]:
        assert given.data(DataSeen(data_ns, flow(), 517)) == Lead(lead_ns, 517)


def test_data_of_what_nobody_decided_on_says_nothing() -> None:
    given = Verdicts()
    assert given.data(DataSeen(5, flow(), 1)) is None
    given.open(opened(), 1_900)
    given.end(opened())
    assert given.data(DataSeen(5, flow(), 1)) is None


def test_the_owner_is_remembered_until_the_end() -> None:
    given = Verdicts()
    verdict, _ = given.open(opened(), 1_900)
    verdict.owner = Owner(1000, "curl")
    assert given.find(opened()) is verdict
    assert given.end(opened()) is verdict
    assert given.find(opened()) is None
    assert given.end(opened()) is None


def test_a_connection_of_the_same_ends_is_another_one() -> None:
    given = Verdicts()
    verdict, _ = given.open(opened(), 1_900)
    verdict.owner = Owner(1000, "curl")
    later = opened(began_ns=5_000)  # the end of the first one was lost on the way
    assert given.find(later) is None
    assert given.end(later) is None
    other, latency_ns = given.open(later, 5_900)
    assert (other.owner, latency_ns) == (None, 500)
    assert given.end(opened()) is None
    assert given.end(later) is other


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "MAX_OPEN", 3)
    given = Verdicts()
    for port in range(1, 6):
        given.open(opened(port), 2_000)
    assert [given.find(opened(port)) is None for port in range(1, 6)] == [True, True, False, False, False]
