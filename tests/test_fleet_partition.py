"""A partition of decisions is recorded once, whatever comes again, and whenever the process died."""

import errno
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.files import InputError
from monitor.findings import Book
from monitor.findings.types import Finding
from monitor.fleet.folders import partitions_in
from monitor.fleet.parcels import Origin, Said
from monitor.fleet.recording.partition import Partition
from monitor.fleet.tenants import partition_of
from monitor.ledger.reader import ledgers_in
from monitor.ledger.tenants import Ledgers
from monitor.ledger.types import Record
from monitor.ledger.verify import verify_ledger
from monitor.recording.items import Item
from monitor.recording.origins import MAX_RUNS, Mark, Origins
from monitor.types import Decision, Subject
from tests.findings_kit import decide
from tests.fleet_kit import (
    SAID,
    covered,
    demo,
    entries,
    figures,
    found,
    judged,
    knowledge,
    lines,
    opened,
    plan,
    recorded,
    recorded_lines,
)
from tests.ledger_kit import FILING, NOW_NS
from tests.records_kit import folder_in_memory

KNOWN = knowledge()
DECISIONS = demo()


def alone() -> Book:
    """Return the findings of one process."""
    book = Book(KNOWN.policy)
    for each in DECISIONS:
        book.offer(each)
    return book


def test_what_is_recorded_says_where_it_comes_from(tmp_path: Path) -> None:
    what = plan(tmp_path)
    with opened(what, KNOWN) as partition:
        partition.take(SAID, 7, NOW_NS)
        assert partition.offset is None
        assert not partition.may_take
        assert partition.turn(NOW_NS) == ()
        assert partition.offset == 7
        assert partition.may_take
    assert recorded_lines(what.root) == lines(DECISIONS)
    origins = [msgspec.convert(each["origin"], Origin) for each in recorded(what.root)]
    assert sorted(origins) == sorted(each.origin for each in SAID)
    assert {each["sensor"] for each in recorded(what.root)} == {"paris", "oslo", "rome"}
    assert figures(found(what.root)) == figures(alone().findings())
    kinds = [entry.leaf.kind for tenant, entry in entries(what.root) if tenant == "acme"]
    assert kinds[:3] == ["configuration", "datasets-loaded", "policy-loaded"]


def test_a_second_process_cannot_have_it(tmp_path: Path) -> None:
    what = plan(tmp_path)
    with opened(what, KNOWN), pytest.raises(InputError, match="writes there"):
        Partition(what, 0, 1, KNOWN, NOW_NS)
    assert partitions_in(what.root) == [0]


Moves = list[tuple[int, int, bool]]  # how far back it is said again, how many more come, and then a crash


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.booleans()), max_size=6))
@settings(max_examples=12)
def test_crashes_and_repetitions_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, moves: Moves
) -> None:
    with folder_in_memory(tmp_path_factory.mktemp("fleet")) as folder:
        what, done = plan(folder), 0
        with ExitStack() as stack:
            partition = stack.enter_context(opened(what, KNOWN))
            for back, more, is_crash in [*moves, (len(SAID), len(SAID), False)]:
                end = min(done + more, len(SAID))
                partition.take(SAID[max(done - back, 0) : end], end, NOW_NS)
                assert partition.turn(NOW_NS) == ()
                done = end
                if is_crash:
                    stack.close()
                    partition = stack.enter_context(opened(what, KNOWN))
        assert recorded_lines(what.root) == lines(DECISIONS)
        assert figures(found_after(folder)) == figures(alone().findings())


def found_after(folder: Path) -> list[Finding]:
    """Return the findings once one more start has caught up with the ledgers."""
    what = plan(folder)
    with opened(what, KNOWN) as partition:
        assert partition.finish(NOW_NS) is None
    return found(what.root)


def test_what_is_there_twice_in_a_batch_is_taken_once(tmp_path: Path) -> None:
    what = plan(tmp_path)
    with opened(what, KNOWN) as partition:
        partition.take([*SAID[:9], *SAID], 1, NOW_NS)
        partition.turn(NOW_NS)
        assert partition.counts.again == 9
        assert partition.counts.taken == len(SAID)
    assert recorded_lines(what.root) == lines(DECISIONS)


def of_tenants(count: int) -> list[Decision]:
    """Return decisions of two tenants in turn, told apart by their ports."""
    return [
        decide(at, port=1_024 + at, subject=Subject(("acme", "beta")[at % 2], "backend", "crm"))
        for at in range(count)
    ]


def test_a_ledger_that_takes_nothing_holds_the_others_up_only_when_much_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.fleet.recording.partition.MAX_LEFT", 25)
    what, wanted = plan(tmp_path), of_tenants(60)
    said, append = judged(wanted), Ledgers.append

    def appended(ledgers: Ledgers, tenant: str | None, records: Sequence[Record]) -> None:
        if tenant == "acme":
            raise OSError(errno.EIO, "input/output error", "acme")
        append(ledgers, tenant, records)

    with opened(what, KNOWN) as partition:
        monkeypatch.setattr(Ledgers, "append", appended)
        for end in (20, 40, 60):
            assert partition.may_take
            partition.take(said[end - 20 : end], end, NOW_NS)
            assert not partition.may_take
            (trouble,) = partition.turn(NOW_NS)
            assert isinstance(trouble, OSError)
            assert trouble.filename == "acme"
            assert partition.offset is None  # it comes again, should this die
            assert len(recorded(what.root)) == end // 2
        assert not partition.may_take
        assert partition.waiting == 30
        monkeypatch.setattr(Ledgers, "append", append)
        assert partition.turn(NOW_NS) == ()
        assert (partition.may_take, partition.waiting, partition.offset) == (True, 0, 60)
    assert recorded_lines(what.root) == lines(wanted)


def test_coverage_stands_in_every_ledger_once(tmp_path: Path) -> None:
    what = plan(tmp_path)
    said: list[Said] = [covered("paris", 1), covered("oslo", 1)]
    for _ in range(2):
        with opened(what, KNOWN) as partition:
            partition.take([*said, *said], 1, NOW_NS)
            partition.turn(NOW_NS)
    with opened(what, KNOWN) as partition:
        partition.take([covered("paris", 2)], 2, NOW_NS)
        partition.turn(NOW_NS)
    windows = [(tenant, entry.leaf.kind) for tenant, entry in entries(what.root)]
    assert windows.count(("acme", "coverage")) == windows.count(("_unassigned", "coverage")) == 3


def test_each_tenant_has_its_ledger_in_its_partition_alone(tmp_path: Path) -> None:
    what = plan(tmp_path)
    for number in range(4):
        with opened(what, KNOWN, number, of=4):
            pass
    ledgers = sorted(path.parent.relative_to(what.root) for path in what.root.glob("p*/ledger/*/ledger.json"))
    wanted = {"acme": partition_of("acme", 4), "_unassigned": partition_of(None, 4)}
    assert sorted(f"p{number}/ledger/{name}" for name, number in wanted.items()) == list(map(str, ledgers))


def test_the_ledgers_verify(tmp_path: Path) -> None:
    what = plan(tmp_path)
    with opened(what, KNOWN) as partition:
        partition.take(SAID, len(SAID), NOW_NS)
        partition.turn(NOW_NS)
    for each in ledgers_in(what.root / "p0/ledger"):
        assert verify_ledger(each).faults == ()


def item(run: str, number: int, step: int = 0, tenant: str | None = "acme") -> Item:
    origin = Origin(0, "paris", run, number, step)
    return Item(FILING.note("gap", {}, NOW_NS), tenant, origin=origin)


def test_origins_tell_ledgers_and_runs_apart() -> None:
    origins = Origins()
    origins.took("acme", Origin(0, "paris", "a", 5, 1))
    items = [
        item("a", 5, 1),
        item("a", 5, 2),
        item("a", 6),
        item("a", 6),
        item("b", 0),
        item("a", 5, 1, "beta"),
    ]
    assert origins.fresh(items) == [items[1], items[2], items[4], items[5]]


def test_of_a_sensor_that_restarts_all_the_time_the_first_runs_are_forgotten() -> None:
    origins = Origins()
    for run in range(MAX_RUNS + 3):
        origins.took("acme", Origin(0, "paris", f"run {run}", 1, 0))
    assert len(origins) == MAX_RUNS
    news = list(origins.news(["acme"]))
    assert sorted(each.run for each in news if each.number < 0) == ["run 0", "run 1", "run 2"]
    origins.settle(["acme"])
    assert list(origins.news(["acme"])) == []
    assert Origins([Mark("acme", 0, "paris", "x", 4, 2)]).has("acme", Origin(0, "paris", "x", 4, 2))
