"""A clock that steps. CLOCK_REALTIME has no namespace, and no test may set a machine's: units are given it.

What the daemon asks the clock for, it hands to these: the round's windows, records' days, chores and keys.
"""

from pathlib import Path

import pytest

from monitor.config import Retention
from monitor.daemon.pseudonyms import RotatingPseudonyms
from monitor.daemon.verdicts import Verdicts
from monitor.daemon.windows import Windows
from monitor.ledger.days import DAY_NS, SECOND_NS, day_number, day_text
from monitor.recording.chores import Due
from monitor.recording.records import Filing
from monitor.tally import Tally
from monitor.windows import WINDOW_NS
from tests.decisions_kit import NOW_NS, decision

YEAR_NS = 365 * DAY_NS
STEPS = {
    "a second back": -SECOND_NS,
    "a year back": -YEAR_NS,
    "an hour on": 3_600 * SECOND_NS,
    "a year on": YEAR_NS,
}
FILING = Filing("edge", Retention())
steps = pytest.mark.parametrize("step_ns", STEPS.values(), ids=STEPS)


@steps
def test_a_record_goes_to_a_day_that_is_found_again(step_ns: int) -> None:
    stepped_ns = NOW_NS + step_ns
    window = Windows("edge", NOW_NS).close(Tally(), 0, stepped_ns)
    days = {day_text(day_number(now_ns)) for now_ns in (NOW_NS, stepped_ns)}
    for record in (FILING.window(window, stepped_ns), FILING.decision(decision(), None, stepped_ns)):
        assert record.day.removeprefix("other-") in days


@steps
def test_a_step_deletes_no_keys(tmp_path: Path, step_ns: int) -> None:
    keys = RotatingPseudonyms(tmp_path / "keys", 30, NOW_NS)
    assert keys.turn(NOW_NS) == ()
    there = sorted(path.name for path in (tmp_path / "keys").iterdir())
    assert keys.turn(NOW_NS + step_ns) == ()
    assert {*there} <= {path.name for path in (tmp_path / "keys").iterdir()}
    assert keys.turn(NOW_NS + SECOND_NS) == ()  # somebody put it right


@steps
def test_windows_follow_each_other_over_a_step(step_ns: int) -> None:
    windows, tally = Windows("edge", NOW_NS), Tally()
    windows.lost("ring", 3, 300)
    stepped_ns = NOW_NS + step_ns
    if not windows.is_over(stepped_ns):
        stepped_ns += WINDOW_NS
    assert windows.is_over(stepped_ns)
    first = windows.close(tally, 10, stepped_ns)
    assert (first.since_ns, first.until_ns, first.packets, first.lost["ring"].packets) == (
        NOW_NS,
        stepped_ns,
        10,
        3,
    )
    assert not windows.is_over(stepped_ns + SECOND_NS)
    second = windows.close(tally, 15, stepped_ns + WINDOW_NS)
    assert (second.since_ns, second.packets, second.lost) == (stepped_ns, 5, {})


@steps
def test_a_verdicts_latency_is_never_negative(step_ns: int) -> None:
    verdicts = Verdicts()
    connection = decision().connection
    _, latency_ns = verdicts.open(connection, connection.ts_ns + step_ns)
    assert latency_ns == max(step_ns - connection.totals.duration_ns, 0)
    assert verdicts.end(connection) is not None


@pytest.mark.parametrize(
    ("moments", "due"),
    [
        ([0, 5, 9, 10, 19, 20], [True, False, False, True, False, True]),
        ([100, 50, 55, 60], [True, True, False, True]),
    ],
)
def test_a_chore_is_done_once_in_a_while_and_when_the_clock_went_back(
    moments: list[int], due: list[bool]
) -> None:
    chore = Due(10)
    assert [chore.is_due(each) for each in moments] == due
