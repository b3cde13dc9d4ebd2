"""Which file a decision goes to: a day that retention keeps, or else one of today's, whatever packets say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.ledger.days import DAY_NS, SECOND_NS, Steady, file_name, is_day_file, is_expired
from tests.decisions_kit import NOW_NS

TODAY = "2026-03-10"
KEPT_DAYS = 7
ANY_NS = st.integers(-(2**63), 2**64)


@pytest.mark.parametrize(
    ("days", "name"),
    [
        (0, f"{TODAY}.jsonl"),
        (1, "2026-03-11.jsonl"),
        (2, f"other-{TODAY}.jsonl"),
        (-7, "2026-03-03.jsonl"),
        (-8, f"other-{TODAY}.jsonl"),
        (-20_522, f"other-{TODAY}.jsonl"),  # 1970
        (86_000, f"other-{TODAY}.jsonl"),  # 2261
    ],
)
def test_files_by_day(days: int, name: str) -> None:
    assert file_name(NOW_NS + days * DAY_NS, NOW_NS, KEPT_DAYS) == name


@given(st.lists(ANY_NS, min_size=1, max_size=50), ANY_NS)
def test_packets_make_no_endless_files(packets_ns: list[int], now_ns: int) -> None:
    names = {file_name(ts_ns, now_ns, KEPT_DAYS) for ts_ns in packets_ns}
    assert len(names) <= KEPT_DAYS + 3  # today, tomorrow, and one for all others
    assert all(map(is_day_file, names))
    assert not any(is_expired(name, now_ns, KEPT_DAYS) for name in names)


@pytest.mark.parametrize(
    ("name", "expired"),
    [
        ("2026-03-03.jsonl", False),
        ("2026-03-02.jsonl", True),
        ("other-2026-03-03.jsonl", False),
        ("other-2026-03-02.jsonl", True),
        ("1970-01-01.jsonl", True),
        ("2262-01-01.jsonl", False),
        ("2026-02-30.jsonl", False),
        ("0000-00-00.jsonl", False),
        ("2026-03-02.jsonl.gz", False),
        ("notes.txt", False),
        ("2026-03-02.jsonl\n", False),
        (".lock", False),
    ],
)
def test_expiry(name: str, expired: bool) -> None:  # noqa: FBT001
    assert is_expired(name, NOW_NS, KEPT_DAYS) is expired


def test_a_line_is_kept_for_at_least_as_long_as_promised() -> None:
    name = file_name(NOW_NS, NOW_NS, KEPT_DAYS)
    assert not is_expired(name, NOW_NS + KEPT_DAYS * DAY_NS, KEPT_DAYS)
    assert is_expired(name, NOW_NS + (KEPT_DAYS + 1) * DAY_NS, KEPT_DAYS)


@pytest.mark.parametrize(
    ("clock_days", "believed"),
    [
        ([0, 0.5, 1.0, 1.5], [True, True, True, True]),
        ([0, 80_000, 0.1, 0.2, 1.0, 1.2], [True, False, False, False, False, True]),
        ([0, 10, 10.5, 11, 11.5], [True, False, False, True, True]),
        ([0, -0.1, 0.5, 0.95], [True, False, False, True]),
    ],
)
def test_a_clock_that_stepped_is_not_believed_for_a_day(
    clock_days: list[float], believed: list[bool]
) -> None:
    steady = Steady()
    found = [steady.believes(NOW_NS + int(day * 86_400) * SECOND_NS) for day in clock_days]
    assert found == believed
