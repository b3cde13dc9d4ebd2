"""A clock that steps. CLOCK_REALTIME has no namespace, and no test may set a machine's: units are given it.

What the daemon asks the clock for, it hands to these: the round's files, windows, retention and keys.
"""

from pathlib import Path

import pytest
from monitor.daemon.decisions import DecisionStore

from monitor.config import Retention
from monitor.daemon.pseudonyms import RotatingPseudonyms
from monitor.daemon.verdicts import Verdicts
from monitor.daemon.windows import WINDOW_NS, Windows
from monitor.ledger.days import DAY_NS, SECOND_NS, day_number, day_text
from monitor.tally import Tally
from tests.store_kit import NOW_NS, decision, ports, stored

YEAR_NS = 365 * DAY_NS
STEPS = {
    "a second back": -SECOND_NS,
    "a year back": -YEAR_NS,
    "an hour on": 3_600 * SECOND_NS,
    "a year on": YEAR_NS,
}
steps = pytest.mark.parametrize("step_ns", STEPS.values(), ids=STEPS)


@steps
def test_decisions_are_written_after_a_step(tmp_path: Path, step_ns: int) -> None:
    store = DecisionStore(tmp_path / "decisions", Retention(), NOW_NS)
    store.add(decision(port=1))
    store.flush(NOW_NS)
    store.add(decision(port=2))
    store.flush(NOW_NS + step_ns)
    store.add(decision(port=3))
    store.flush(NOW_NS + step_ns + SECOND_NS)
    assert sorted(ports(tmp_path / "decisions", "violation")) == [1, 2, 3]
    assert store.problem is None
    store.close()


@steps
def test_a_step_deletes_neither_decisions_nor_keys(tmp_path: Path, step_ns: int) -> None:
    store = DecisionStore(tmp_path / "decisions", Retention(), NOW_NS)
    keys = RotatingPseudonyms(tmp_path / "keys", 30, NOW_NS)
    for days in (-5, 0):
        store.add(decision("allow", days=days))
    store.flush(NOW_NS)
    assert (store.expire(NOW_NS), keys.turn(NOW_NS)) == ((), ())
    there = sorted(path.name for path in (tmp_path / "keys").iterdir())
    assert (store.expire(NOW_NS + step_ns), keys.turn(NOW_NS + step_ns)) == ((), ())
    assert {*there} <= {path.name for path in (tmp_path / "keys").iterdir()}
    back_ns = NOW_NS + SECOND_NS  # somebody put it right
    assert (store.expire(back_ns), keys.turn(back_ns)) == ((), ())
    assert sum(len(found) for found in stored(tmp_path / "decisions").values()) == 2
    store.close()


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
def test_a_windows_file_is_one_that_is_found_again(tmp_path: Path, step_ns: int) -> None:
    store = DecisionStore(tmp_path / "decisions", Retention(), NOW_NS)
    windows = Windows("edge", NOW_NS)
    stepped_ns = NOW_NS + step_ns
    store.add_window(windows.close(Tally(), 0, stepped_ns))
    store.flush(stepped_ns)
    (path,) = (tmp_path / "decisions/coverage").iterdir()
    days = {day_text(day_number(now_ns)) for now_ns in (NOW_NS, stepped_ns)}
    assert path.stem.removeprefix("other-") in days
    store.close()


@steps
def test_a_verdicts_latency_is_never_negative(step_ns: int) -> None:
    verdicts = Verdicts()
    connection = decision().connection
    _, latency_ns = verdicts.open(connection, connection.ts_ns + step_ns)
    assert latency_ns == max(step_ns - connection.totals.duration_ns, 0)
    assert verdicts.end(connection) is not None
