"""Reading knowledge again, beside the loop."""

import threading
import time

import pytest

from monitor.app import Knowledge, load_knowledge
from monitor.daemon.reloading import Reloading
from monitor.files import InputError

SECONDS = 20


class Loads:
    """Something to load, that waits until it may."""

    def __init__(self, *results: Knowledge | InputError) -> None:
        self.results = list(results)
        self.may = threading.Event()
        self.begun = 0

    def __call__(self) -> Knowledge:
        self.begun += 1
        assert self.may.wait(SECONDS)
        result = self.results.pop(0)
        if isinstance(result, InputError):
            raise result
        return result


def awaited(reloading: Reloading) -> object:
    """Return the next result."""
    end = time.monotonic() + SECONDS
    while (result := reloading.result()) is None:
        assert time.monotonic() < end
        time.sleep(0.001)
    return result


def test_the_result_comes_once_and_an_error_is_one() -> None:
    knowledge, error = load_knowledge(), InputError("policy.yaml", "gone", "put it back")
    loads = Loads(error, knowledge)
    loads.may.set()
    reloading = Reloading(loads)
    assert reloading.result() is None
    for expected in (error, knowledge):
        reloading.begin()
        assert awaited(reloading) is expected
        assert reloading.result() is None


def test_what_is_asked_for_meanwhile_is_done_once_more() -> None:
    knowledge = load_knowledge()
    loads = Loads(knowledge, knowledge, knowledge)
    reloading = Reloading(loads)
    for _ in range(5):
        reloading.begin()
    loads.may.set()
    awaited(reloading)
    awaited(reloading)
    assert (loads.begun, reloading.result()) == (2, None)


def test_an_error_of_the_system_is_a_failure_like_others() -> None:
    def load() -> Knowledge:
        raise PermissionError(13, "Permission denied", "ranges.mmdb")

    reloading = Reloading(load)
    reloading.begin()
    assert str(awaited(reloading)).startswith("ranges.mmdb: permission denied; ")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_one_that_breaks_off_is_said_and_the_next_one_works() -> None:
    knowledge = load_knowledge()
    results = [None, knowledge]

    def load() -> Knowledge:
        result = results.pop(0)
        if result is None:
            raise ZeroDivisionError
        return result

    reloading = Reloading(load)
    reloading.begin()
    assert isinstance(awaited(reloading), InputError)
    assert not reloading.busy
    reloading.begin()
    assert reloading.busy
    assert awaited(reloading) is knowledge


def test_a_system_without_threads_fails_a_reload_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    knowledge = load_knowledge()
    loads = Loads(knowledge)
    loads.may.set()
    reloading = Reloading(loads)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        reloading.begin()
        assert str(awaited(reloading)).startswith("reload: the system has no thread left; allow ")
    assert not reloading.busy
    assert reloading.result() is None
    reloading.begin()
    assert awaited(reloading) is knowledge
