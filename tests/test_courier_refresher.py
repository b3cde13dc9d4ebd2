"""What a receiver that forgets is told again, and when; and the thread that serves a sink."""

import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import structlog

from monitor.courier.deliveries import Deliveries
from monitor.courier.refresher import SECOND_NS, Refresher, refreshing
from monitor.courier.wants import Terms, wants
from monitor.courier.worker import Ground, make_worker
from monitor.outbox.reading import OutboxReader
from monitor.sink_options import JsonlOptions
from monitor.sinks.protocol import Dead, Outcome, RetryAfter
from tests.courier_kit import Forgetful, Obedient, filled, put, wait_for
from tests.outbox_kit import NOW_NS, checkpoint, event, events, finding, opened

LOG = structlog.get_logger()
PUT = [
    *events(0, 4, "high"),
    checkpoint(1),
    event(finding(9, "low")),
    event(finding(1, "high", state="cured")),
]
STILL_OPEN = [PUT[0].key, PUT[2].key, PUT[3].key]


@pytest.fixture(autouse=True)
def silent() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[OutboxReader]:
    with filled(tmp_path, PUT[:-1]):
        pass
    outbox = opened(tmp_path)
    cured = finding(1, "high", state="cured", revision=2)
    put(outbox, [event(cured, "closed")])
    made = OutboxReader(tmp_path)
    yield made
    made.close()
    outbox.close()


def refresher(sink: Forgetful) -> Refresher:
    return Refresher(sink, wants(JsonlOptions(name="a", path="x", severity="medium")), Random(1))


def test_all_that_is_open_is_told_again_and_again(queue: OutboxReader) -> None:
    sink = Forgetful()
    each = refresher(sink)
    assert each.step(queue, NOW_NS, LOG) == 60.0
    assert sink.told == [STILL_OPEN]
    assert each.step(queue, NOW_NS + 20 * SECOND_NS, LOG) == 40.0
    assert len(sink.told) == 1
    assert each.step(queue, NOW_NS + 60 * SECOND_NS, LOG) == 60.0
    assert sink.told == [STILL_OPEN] * 2


def test_a_clock_that_went_back_does_not_silence_it(queue: OutboxReader) -> None:
    sink = Forgetful()
    each = refresher(sink)
    each.step(queue, NOW_NS, LOG)
    each.step(queue, NOW_NS - 3_600 * SECOND_NS, LOG)
    assert len(sink.told) == 2


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([Dead("no", 1)], [STILL_OPEN, STILL_OPEN[2:]]),
        ([Dead("no", 0), Dead("no", 1)], [STILL_OPEN, STILL_OPEN[1:]]),
        ([Dead("no", 99)], [STILL_OPEN]),
        ([RetryAfter("busy", None, 2)], [STILL_OPEN]),
    ],
)
def test_what_is_refused_is_passed_over(
    answers: list[Outcome], told: list[list[str]], queue: OutboxReader
) -> None:
    sink = Forgetful(*answers)
    refresher(sink).step(queue, NOW_NS, LOG)
    assert sink.told == told


def test_who_is_busy_is_told_sooner_than_the_next_time(queue: OutboxReader) -> None:
    sink = Forgetful(RetryAfter("busy"), RetryAfter("busy", 9_999.0))
    each = refresher(sink)
    pause = each.step(queue, NOW_NS, LOG)
    assert pause <= 1.0
    assert each.step(queue, NOW_NS + int(pause * SECOND_NS), LOG) == 60.0
    assert each.step(queue, NOW_NS + 62 * SECOND_NS, LOG) == 60.0
    assert sink.told == [STILL_OPEN] * 3


def test_not_every_sink_forgets() -> None:
    assert refreshing(Obedient()) is None
    assert refreshing(Forgetful()) is not None


def test_a_worker_delivers_refreshes_and_closes(tmp_path: Path) -> None:
    sink = Forgetful()
    with filled(tmp_path, PUT[:3]) as keys:
        deliveries = Deliveries(tmp_path)
        terms = Terms(wants(JsonlOptions(name="soc", path="x")), NOW_NS)
        worker = make_worker(sink, terms, Ground(deliveries, lambda: OutboxReader(tmp_path), 0, LOG))
        assert worker.is_over
        assert not worker.crashed
        worker.start()
        wait_for(lambda: sink.taken == keys and sink.told == [keys], "the events")
        worker.stop()
        worker.join(10)
        deliveries.close()
    assert (worker.is_over, worker.crashed, sink.closed) == (True, False, True)


class Broken(Obedient):
    """A sink with a mistake in it."""

    def deliver(self, _parcels: object) -> Outcome:
        raise ZeroDivisionError


def test_a_worker_that_ends_by_mistake_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(args.exc_type))
    with filled(tmp_path, PUT[:1]):
        deliveries = Deliveries(tmp_path)
        terms = Terms(wants(JsonlOptions(name="soc", path="x")), NOW_NS)
        worker = make_worker(Broken(), terms, Ground(deliveries, lambda: OutboxReader(tmp_path), 0, LOG))
        worker.start()
        worker.join(10)
        assert worker.crashed
        assert seen == [ZeroDivisionError]
        deliveries.close()
