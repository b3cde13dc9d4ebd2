"""A sink's lane: what it is given, in which order, and what becomes of what it does not take."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from monitor.courier.deliveries import Deliveries
from monitor.courier.lane import IDLE_SECONDS, SECOND_NS, Lane
from monitor.courier.progress import dead_letters, delivered_seq
from monitor.courier.wants import Terms, wants
from monitor.events.types import Event
from monitor.outbox.reading import OutboxReader
from monitor.sink_options import JsonlOptions
from monitor.sinks.protocol import Dead, Delivered, Outcome, RetryAfter
from tests.courier_kit import Obedient, filled, in_memory
from tests.events_kit import SUMMARY
from tests.outbox_kit import NOW_NS, checkpoint, events

HOUR_NS = 3_600 * SECOND_NS
LOG = structlog.get_logger()
ALL = JsonlOptions(name="soc", path="x", checkpoints=True)


class Place:
    """A state folder, with one lane at a time."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.now_ns = NOW_NS
        self.deliveries = Deliveries(state)
        self.queue = OutboxReader(state)

    def lane(self, sink: Obedient, options: JsonlOptions = ALL, start: int = 0) -> Lane:
        terms = Terms(wants(options), 72 * HOUR_NS)
        return Lane(sink, self.deliveries.lane(sink.name, start), terms, self.deliveries, Random(1))

    def step(self, lane: Lane) -> float:
        return lane.step(self.queue, self.now_ns, LOG)

    def run(self, lane: Lane) -> None:
        """Go on until it waits."""
        while not self.step(lane):
            pass

    def dead(self) -> list[str]:
        return [each.key for each in dead_letters(self.state)]


@pytest.fixture(autouse=True)
def silent() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with in_memory() as folder:
        yield folder


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with filled(tmp_path, [*events(0, 3, "high"), checkpoint(1), *events(3, 4, "low")]):
        made = Place(tmp_path)
        yield made
        made.deliveries.close()
        made.queue.close()


KEYS = [each.key for each in [*events(0, 3, "high"), checkpoint(1), *events(3, 4, "low")]]


def test_all_goes_in_order_and_the_cursor_with_it(place: Place) -> None:
    sink = Obedient()
    lane = place.lane(sink)
    assert lane.waits(place.queue)
    place.run(lane)
    assert sink.taken == KEYS
    assert [len(each) for each in sink.given] == [3, 3, 2]
    assert lane.state.cursor == place.queue.last_seq == delivered_seq(place.state, ["soc"])
    assert lane.state.delivered == len(KEYS)
    assert not lane.waits(place.queue)
    assert place.step(lane) == IDLE_SECONDS


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (JsonlOptions(name="soc", path="x"), KEYS[:3] + KEYS[4:]),
        (JsonlOptions(name="soc", path="x", severity="low"), KEYS[:3] + KEYS[4:]),
        (JsonlOptions(name="soc", path="x", severity="medium"), KEYS[:3]),
        (JsonlOptions(name="soc", path="x", severity="critical"), []),
        (JsonlOptions(name="soc", path="x", severity="critical", checkpoints=True), [KEYS[3]]),
        (ALL, KEYS),
    ],
)
def test_a_sink_gets_what_it_is_configured_for(
    options: JsonlOptions, expected: list[str], place: Place
) -> None:
    sink = Obedient()
    lane = place.lane(sink, options)
    place.run(lane)
    assert sink.taken == expected
    assert lane.state.cursor == place.queue.last_seq


def test_a_new_sink_may_begin_at_the_end(place: Place) -> None:
    sink = Obedient()
    place.run(place.lane(sink, start=place.queue.last_seq))
    assert sink.taken == []


def test_what_was_not_taken_waits_and_is_given_again(place: Place) -> None:
    sink = Obedient(Delivered(), RetryAfter("busy", 30.0, done=1), RetryAfter("still"))
    lane = place.lane(sink)
    place.run(lane)
    assert sink.taken == KEYS[:4]
    assert place.step(lane) >= 30.0
    assert (lane.state.attempts, lane.state.error) == (1, "busy")
    assert delivered_seq(place.state, ["soc"]) == lane.state.cursor
    place.now_ns += 34 * SECOND_NS
    place.run(lane)
    assert sink.taken == KEYS[:4]
    assert (lane.state.attempts, lane.state.error) == (2, "still")
    place.now_ns += 2 * SECOND_NS
    place.run(lane)
    assert sink.taken == KEYS
    assert (lane.state.attempts, lane.state.failing_ns, lane.state.error) == (0, None, "still")


def test_the_pause_and_the_place_outlive_the_process(place: Place) -> None:
    place.run(place.lane(Obedient(Delivered(), RetryAfter("busy", 30.0))))
    again = Obedient()
    lane = place.lane(again)
    assert place.step(lane) >= 30.0
    lane.hurry()
    place.run(lane)
    assert again.taken == KEYS[3:]


def test_a_refused_event_is_put_aside_and_the_rest_goes_on(place: Place) -> None:
    sink = Obedient(Dead("400", done=1), Delivered(), Dead("413"))
    lane = place.lane(sink)
    place.run(lane)
    assert place.dead() == [KEYS[1], KEYS[5]]
    assert sink.taken == [each for each in KEYS if each not in place.dead()]
    assert [each.reason for each in dead_letters(place.state)] == ["400", "413"]
    assert lane.state.cursor == place.queue.last_seq


def test_one_event_that_is_never_taken_goes_aside_alone(place: Place) -> None:
    sink = Obedient(RetryAfter("500"))
    lane = place.lane(sink)
    place.run(lane)
    place.now_ns += 72 * HOUR_NS
    sink.answers = [RetryAfter("500")]
    place.run(lane)
    assert place.dead() == KEYS[:1]
    assert sink.taken == KEYS[1:]
    (letter,) = dead_letters(place.state)
    assert (letter.reason, letter.attempts) == ("not taken in time: 500", 2)


def test_where_the_receiver_is_gone_all_that_is_old_goes_aside(place: Place) -> None:
    sink = Obedient()
    sink.answers = [RetryAfter("gone")] * 50
    lane = place.lane(sink)
    place.run(lane)
    place.now_ns += 72 * HOUR_NS
    place.run(lane)
    assert place.dead() == KEYS
    assert sink.taken == []
    assert len(sink.given) < 8  # not one by one
    assert lane.state.cursor == place.queue.last_seq


def test_what_came_later_has_its_whole_time(place: Place) -> None:
    sink = Obedient(*[RetryAfter("gone")] * 50)
    lane = place.lane(sink)
    place.now_ns -= HOUR_NS // 2  # before the checkpoint, and after all findings
    place.run(lane)
    place.now_ns += 72 * HOUR_NS
    place.run(lane)
    assert place.dead() == KEYS[:3]


def test_an_event_of_the_far_future_is_no_older_for_it(tmp_path: Path) -> None:
    with filled(tmp_path, events(0, 1)):
        place = Place(tmp_path)
        place.now_ns = 1  # the event is of years later
        sink = Obedient(RetryAfter("500"), RetryAfter("500"))
        lane = place.lane(sink)
        place.run(lane)
        place.now_ns += 72 * HOUR_NS
        place.run(lane)
        assert len(place.dead()) == 1
        place.deliveries.close()
        place.queue.close()


@pytest.mark.parametrize("outcome", [Dead("no", done=99), RetryAfter("no", done=99), Dead("no", done=3)])
def test_a_sink_that_counts_wrong_took_no_more_than_it_was_given(outcome: Outcome, place: Place) -> None:
    sink = Obedient(outcome)
    lane = place.lane(sink)
    place.step(lane)
    assert lane.state.delivered == 3
    assert place.dead() == []


def test_letters_come_back_when_nothing_else_waits(place: Place) -> None:
    sink = Obedient(Dead("no"))
    lane = place.lane(sink)
    place.step(lane)
    assert place.deliveries.retry("soc", None, place.now_ns) == 1
    place.run(lane)
    assert sink.taken == [*KEYS[1:], KEYS[0]]
    assert place.dead() == []
    assert lane.state.delivered == len(KEYS)


def test_a_letter_that_is_not_taken_lets_the_others_pass(place: Place) -> None:
    sink = Obedient(Dead("no"), Dead("no"), Dead("no"), batch=1)
    lane = place.lane(sink)
    place.run(lane)
    assert place.deliveries.retry(None, None, place.now_ns) == 3
    sink.answers = [RetryAfter("not yet")]
    place.run(lane)
    place.now_ns += 2 * SECOND_NS
    place.run(lane)
    assert place.dead() == []
    assert sorted(sink.taken) == sorted(KEYS)
    assert sink.taken[-3:] == [KEYS[1], KEYS[2], KEYS[0]]


def test_a_letter_is_refused_or_grows_old_once_more(place: Place) -> None:
    sink = Obedient(Dead("no"), Dead("no"), batch=1)
    lane = place.lane(sink)
    place.run(lane)
    place.deliveries.retry("soc", None, place.now_ns)
    sink.answers = [Dead("never"), RetryAfter("later")]
    place.run(lane)
    assert [(each.reason, each.again) for each in dead_letters(place.state)] == [
        ("never", False),
        ("later", True),
    ]
    place.now_ns += 72 * HOUR_NS
    sink.answers = [RetryAfter("later")]
    place.run(lane)
    letters = list(dead_letters(place.state))
    assert [each.again for each in letters] == [False, False]
    assert letters[1].reason == "not taken in time: later"


def test_what_is_dropped_is_passed_over(place: Place) -> None:
    sink = Obedient()
    lane = place.lane(sink)
    assert place.deliveries.drop_key("soc", KEYS[1], waiting=True) == 1
    place.run(lane)
    assert sink.taken == [KEYS[0], *KEYS[2:]]
    assert place.deliveries.dropped("soc") == (0, frozenset())


def test_all_that_waits_can_be_dropped(place: Place) -> None:
    sink = Obedient(Dead("no"))
    lane = place.lane(sink)
    place.step(lane)
    assert place.deliveries.drop_all("soc", place.queue.last_seq) == 1
    assert delivered_seq(place.state, ["soc"]) == place.queue.last_seq
    place.run(lane)
    assert sink.taken == []
    assert place.dead() == []


def test_an_outbox_that_counts_from_less_is_another_one(place: Place) -> None:
    lane = place.lane(Obedient(), start=place.queue.last_seq + 1)
    assert lane.recede(place.queue)
    assert not lane.recede(place.queue)
    assert delivered_seq(place.state, ["soc"]) == 0


def test_what_was_dropped_in_another_outbox_drops_nothing_in_this_one(place: Place) -> None:
    sink = Obedient()
    place.deliveries.lane("soc", 0)
    place.deliveries.drop_all("soc", place.queue.last_seq + 100)
    assert delivered_seq(place.state, ["soc"], place.queue.last_seq) == 0  # nothing may be deleted yet
    lane = place.lane(sink)
    assert lane.recede(place.queue)
    place.run(lane)
    assert sink.taken == KEYS


@settings(max_examples=12)
@given(
    answers=st.lists(
        st.one_of(
            st.just(Delivered()),
            st.builds(RetryAfter, st.just("later"), st.none() | st.floats(0, 10), st.integers(0, 4)),
            st.builds(Dead, st.just("no"), st.integers(0, 4)),
        ),
        max_size=12,
    ),
    batch=st.integers(1, 9),
    deaths=st.sets(st.integers(0, 15)),
)
def test_whatever_a_sink_answers_each_event_is_taken_or_put_aside(
    answers: list[Outcome], batch: int, deaths: set[int]
) -> None:
    put: list[Event] = events(0, 9)
    with in_memory() as state, filled(state, put) as keys:
        place = Place(state)
        sink = Obedient(*answers, batch=batch)
        lane = place.lane(sink)
        for step in range(45):
            place.step(lane)
            place.now_ns += 600 * SECOND_NS
            if step in deaths:  # the process ended, and another one goes on
                lane = place.lane(sink)
        place.deliveries.close()
        place.queue.close()
        dead = place.dead()
    assert sorted([*sink.taken, *dead]) == sorted(keys)
    assert sink.taken == [each for each in keys if each in sink.taken]


def test_a_sink_gets_the_events_of_its_tenants_alone() -> None:
    several = [each for tenant in ("acme", "beta", None) for each in events(0, 1, "high", tenant)]
    wanted = wants(JsonlOptions(name="soc", path="x", tenants=("acme",), checkpoints=True))
    assert [wanted(each) for each in several] == [True, False, False]
    assert [wanted(replace(SUMMARY, tenant=tenant)) for tenant in ("acme", "beta", None)] == [
        True,
        False,
        False,
    ]
    assert [wanted(replace(checkpoint(1), tenant=tenant)) for tenant in ("acme", "beta")] == [True, False]
    assert not wants(JsonlOptions(name="soc", path="x", tenants=("acme",)))(checkpoint(1))
