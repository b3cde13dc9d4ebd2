"""Lines that wait: never more bytes than allowed, and what matters most is shed last."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from monitor.daemon.backlog import KINDS, Backlog, Kind

LIMIT = 100
LINES = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(1, 60)), max_size=60)


def test_the_least_important_goes_first_and_of_it_the_oldest() -> None:
    backlog = Backlog(40)
    kinds: tuple[Kind, ...] = ("allow", "violation", "allow", "indeterminate")
    for number, kind in enumerate(kinds):
        backlog.add(kind, "day", b"%010d" % number)
    assert backlog.bytes == 40
    assert not backlog.shed
    backlog.add("violation", "day", b"%010d" % 4)
    assert backlog.shed == {"allow": 1}
    assert backlog.take("allow") == {"day": [b"0000000002"]}
    for number in range(5, 9):
        backlog.add("violation", "day", b"%010d" % number)
    assert backlog.shed == {"allow": 1, "indeterminate": 1, "violation": 2}
    backlog.add("allow", "day", b"x")
    assert backlog.shed["allow"] == 2
    assert backlog.take("violation") == {"day": [b"%010d" % number for number in range(5, 9)]}
    assert backlog.bytes == 0


@given(LINES)
def test_bounded_and_closed(lines: list[tuple[Kind, int]]) -> None:
    backlog = Backlog(LIMIT)
    for number, (kind, size) in enumerate(lines):
        backlog.add(kind, f"day-{number % 3}", b"x" * size)
        assert 0 <= backlog.bytes <= LIMIT
    taken = {kind: backlog.take(kind) for kind in KINDS}
    kept = Counter({kind: sum(map(len, files.values())) for kind, files in taken.items()})
    assert kept + backlog.shed == Counter(kind for kind, _ in lines)
    assert bool(backlog.shed) == (sum(size for _, size in lines) > LIMIT)
    for kind, files in taken.items():
        for name, each in files.items():
            backlog.put_back(kind, name, each)
    assert backlog.count() == {kind: count for kind, count in kept.items() if count}
