"""What waits to be recorded: in order, bounded, the least important shed first, and counted."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from monitor.daemon.backlog import Backlog
from monitor.daemon.intake import Intake
from monitor.ledger.types import CLASSES, PayloadClass, Record
from monitor.recording.items import OVERHEAD_BYTES, Item

classes = st.sampled_from(CLASSES)


def item(number: int, payload_class: PayloadClass = "violation", size: int = 8) -> Item:
    return Item(Record("decision", number, payload_class, "2026-03-10", b"x" * size), "acme")


def numbers(items: list[Item]) -> list[int]:
    return [each.record.at_ns for each in items]


def test_what_matters_most_is_taken_first_and_in_its_order() -> None:
    backlog = Backlog(1_000_000)
    for number, name in enumerate(("allow", "violation", "record", "allow", "violation")):
        backlog.add(item(number, name))  # type: ignore[arg-type]
    assert backlog.count() == {"violation": 2, "record": 1, "allow": 2}
    assert numbers(backlog.take(1_000_000)) == [1, 4, 2, 0, 3]
    assert (backlog.bytes, backlog.count(), dict(backlog.shed)) == (0, {}, {})


def test_what_is_put_back_comes_before_what_came_since() -> None:
    backlog = Backlog(1_000_000)
    for number in range(4):
        backlog.add(item(number))
    taken = backlog.take(2 * (8 + OVERHEAD_BYTES))
    assert numbers(taken) == [0, 1]
    backlog.add(item(4))
    backlog.put_back(taken)
    assert numbers(backlog.take(1_000_000)) == [0, 1, 2, 3, 4]


@given(st.lists(st.tuples(classes, st.integers(0, 2_000))), st.integers(0, 8_000))
def test_the_bound_holds_and_nothing_goes_uncounted(
    added: list[tuple[PayloadClass, int]], limit: int
) -> None:
    backlog = Backlog(limit)
    for number, (name, size) in enumerate(added):
        backlog.add(item(number, name, size))
        assert backlog.bytes <= limit
    kept, shed = backlog.count(), backlog.shed
    for name in CLASSES:
        assert kept.get(name, 0) + shed[name] == [each for each, _ in added].count(name)
    taken = backlog.take(1 << 30)
    assert backlog.bytes == 0
    for name in CLASSES:
        order = [each.record.at_ns for each in taken if each.record.payload_class == name]
        assert order == sorted(order)


@given(st.lists(classes, min_size=1, max_size=40))
def test_the_least_class_is_shed_first(added: list[PayloadClass]) -> None:
    backlog = Backlog(10 * (8 + OVERHEAD_BYTES))
    for number, name in enumerate(added):
        backlog.add(item(number, name))
    kept = backlog.count()
    if backlog.shed:
        worst_kept = max(map(CLASSES.index, kept), default=0)
        assert sum(kept.values()) == 10
        assert all(CLASSES.index(name) >= worst_kept or name in kept for name in backlog.shed)


def test_an_intake_wakes_for_what_is_urgent_and_lets_the_rest_wait() -> None:
    intake = Intake()
    intake.put(item(1, "allow"))
    assert numbers(intake.take(1_000, 0.0)) == [1]  # the pause was over
    intake.put_back([])
    got: list[list[int]] = []
    thread = threading.Thread(target=lambda: got.append(numbers(intake.take(1_000, 60.0))))
    thread.start()
    intake.put(item(2, "violation"))
    thread.join(30)
    assert got == [[2]]
    intake.put_back([])


def test_an_intake_drains_and_tells_of_what_is_left() -> None:
    intake = Intake(4 * (8 + OVERHEAD_BYTES))
    for number in range(6):
        intake.put(item(number, "violation"))
    assert (intake.look().waiting, intake.look().shed) == ({"violation": 4}, {"violation": 2})
    taken = intake.take(1 << 20, 0.0)
    intake.drain(0.0)  # it is in hand, and the time is over at once
    intake.put_back(taken[2:])
    assert intake.look().waiting == {"violation": 2}
    intake.close()
    assert numbers(intake.take(1 << 20, 60.0)) == numbers(taken[2:])
