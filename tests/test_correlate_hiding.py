"""Pseudonyms of a fleet follow from one secret: the same for all who have it, others in each period."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.fleet.hiding import MAX_PERIODS, FleetPseudonyms
from monitor.pseudonyms import TEXT
from monitor.types import Decision
from tests.findings_kit import decide

DAY_S = 86_400


def client(pseudonyms: FleetPseudonyms, second: float) -> str:
    return pseudonyms.pseudonymised(decision(second)).connection.flow.client


def decision(second: float) -> Decision:
    return decide(second)


@given(days=st.lists(st.integers(0, 40_000), min_size=1, max_size=200))
def test_two_correlators_give_the_same_whatever_came_before(days: list[int]) -> None:
    one, other = FleetPseudonyms(b"s" * 32, 30), FleetPseudonyms(b"s" * 32, 30)
    for day in days[:-1]:
        client(one, day * DAY_S)
    last = days[-1] * DAY_S
    assert client(one, last) == client(other, last)
    assert client(one, last).startswith(TEXT)


def test_periods_and_secrets_have_others() -> None:
    pseudonyms = FleetPseudonyms(b"s" * 32, 30)
    found = [client(pseudonyms, day * DAY_S) for day in range(0, 30 * (MAX_PERIODS + 10), 30)]
    assert len(set(found)) == len(found)
    assert client(FleetPseudonyms(b"t" * 32, 30), 0) not in found


def test_no_address_is_left() -> None:
    hidden = FleetPseudonyms(b"s" * 32, 30).pseudonymised(decision(0))
    assert decision(0).connection.flow.client not in repr(hidden)
    assert hidden.connection.flow.client_port == 0
