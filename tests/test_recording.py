"""Evidence first, in every order of failure: nothing is lost, told ahead of it, or counted twice."""

import errno
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from monitor.events.types import CheckpointEvent
from monitor.files import InputError
from monitor.findings import finding_id
from monitor.outbox.schema import OutboxError
from tests.findings_kit import behave, decide
from tests.ledger_faults import failing
from tests.ledger_kit import NOW_NS
from tests.recorder_kit import (
    BETA,
    chores_of,
    decided,
    decisions,
    entries,
    events,
    items,
    kinds,
    recording_in,
    told,
)
from tests.records_kit import folder_in_memory

FIGURES = [1, 2, 4]  # the connections of a finding at each change, of seven


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Iterator[Path]:
    with folder_in_memory(tmp_path) as made:
        yield made


def test_what_the_outbox_did_not_take_is_told_by_the_next_start(folder: Path) -> None:
    with recording_in(folder) as (recording, catching_up):
        catching_up.run()
        recording.begin(NOW_NS)
        assert recording.record(items(decisions(7)), NOW_NS).error is None
        recording.outbox._connection.execute("PRAGMA query_only=1")  # noqa: SLF001  as a disk that fails
        with pytest.raises(OutboxError):
            recording.settle(NOW_NS)
        assert recording.untold == 3
        assert not recording.is_settled("acme")
    assert told(folder, "acme") == []
    assert kinds(folder, "acme") == {"policy-loaded": 1, "decision": 7, "finding": 3}
    for most in (13, 2):  # then no more than the notes of the other ledgers
        with recording_in(folder) as (recording, catching_up):
            catching_up.run()
            assert catching_up.entries <= most
            assert [each.count for each in recording.book.findings()] == [7]
            recording.settle(NOW_NS)
        assert told(folder, "acme") == FIGURES
    assert kinds(folder, "acme")["finding"] == 3


@pytest.mark.parametrize("call", range(0, 60, 5))
def test_wherever_the_disk_fails_nothing_is_lost_and_nothing_counts_twice(folder: Path, call: int) -> None:
    with recording_in(folder) as (recording, catching_up):
        catching_up.run()
        recording.begin(NOW_NS)
        left, errors = items([*decisions(4), *decisions(3, BETA)]), 0
        with failing(lambda at: OSError(errno.ENOSPC, "full") if call <= at < call + 8 else None):
            for _ in range(20):
                took = recording.record(left, NOW_NS)
                left = list(took.left)
                try:
                    recording.settle(NOW_NS)
                except (OSError, OutboxError):
                    errors += 1
        assert not left
        assert recording.owed == recording.untold == 0
        sizes = dict(recording.ledgers.sizes)
    assert decided(folder, "acme") == [each.ts_ns for each in decisions(4)]
    assert decided(folder, "beta") == [each.ts_ns for each in decisions(3)]
    assert (told(folder, "acme"), told(folder, "beta")) == ([1, 2, 4], [1, 2])
    assert {name: len(entries(folder, str(name))) for name in ("acme", "beta")} == {
        name: sizes[name] for name in ("acme", "beta")
    }


def test_a_ledger_that_is_gone_stops_its_own_tenant_alone(folder: Path) -> None:
    place, aside = folder / "ledger/acme", folder / "aside"
    with recording_in(folder) as (recording, catching_up):
        catching_up.run()
        recording.begin(NOW_NS)
        recording.record(items(decisions(1)), NOW_NS)  # what came of it is still owed to the ledger
        signed_ns = recording.signed_ns
        place.rename(aside)
        with pytest.raises(OSError, match="renamed"):
            recording.settle(NOW_NS + 1)
        assert (recording.owed, recording.signed_ns) == (1, signed_ns)
        took = recording.record(items([*decisions(2, start=1), *decisions(3, BETA)]), NOW_NS + 2)
        assert [item.tenant for item in took.left] == ["acme", "acme"]
        with pytest.raises(OSError, match="renamed"):
            recording.settle(NOW_NS + 2)
        assert recording.signed_ns == NOW_NS + 2  # beta's
        assert told(folder, "acme") == []  # evidence first
        assert told(folder, "beta") == [1, 2]
        assert not recording.is_settled("acme")
        assert recording.is_settled("beta")
        _, position = recording.outbox.load()
        assert position.keys() == {"_unassigned", "beta"}
        aside.rename(place)
        recording.settle(NOW_NS + 3)
        assert not recording.record(took.left, NOW_NS + 3).left
        recording.settle(NOW_NS + 3)
        assert recording.outbox.load()[1]["acme"] == len(entries(folder, "acme"))
    assert decided(folder, "acme") == [each.ts_ns for each in decisions(3)]
    assert told(folder, "acme") == [1, 2]


def test_what_goes_to_all_is_paid_without_more_to_come(folder: Path) -> None:
    place, aside = folder / "ledger/acme", folder / "aside"
    with recording_in(folder) as (recording, catching_up):
        catching_up.run()
        recording.begin(NOW_NS)
        place.rename(aside)
        place.mkdir()
        gap = items(decisions(1))[0]
        took = recording.record([replace(gap, everywhere=True, decision=None)], NOW_NS)
        assert took.error is not None
        assert (took.left, recording.ledgers.owing, recording.signed_ns) == ((), 1, NOW_NS)
        place.rmdir()
        aside.rename(place)
        recording.settle(NOW_NS)
        assert recording.ledgers.owing == 0
        appended = recording.ledgers.appended
    for tenant in ("_unassigned", "acme", "beta"):  # none of them had traffic
        assert kinds(folder, tenant) == {"policy-loaded": 1, "decision": 1}
    assert appended == {"record": 3, "violation": 3}


def test_a_ledger_that_cannot_be_opened_stops_nobody_elses_beginning(folder: Path) -> None:
    broken = folder / "ledger/acme"
    broken.mkdir(parents=True)
    (broken / "ledger.json").write_text("{}")
    with recording_in(folder) as (recording, catching_up):
        with pytest.raises(InputError, match="acme"):
            catching_up.run()
        assert recording.behind == {"acme"}
        with pytest.raises(OSError, match="ledger"):
            recording.begin(NOW_NS)
        recording.record(items(decisions(1, BETA)), NOW_NS)
        with pytest.raises(OSError, match="ledger"):
            recording.settle(NOW_NS)
        assert told(folder, "beta") == [1]
        (broken / "ledger.json").unlink()
        left = recording.record(items(decisions(1)), NOW_NS).left
        assert len(left) == 1
        catching_up.run()
        recording.begin(NOW_NS)
        assert not recording.record(left, NOW_NS).left
        recording.settle(NOW_NS)
    assert kinds(folder, "acme") == kinds(folder, "beta")
    assert (told(folder, "acme"), told(folder, "beta")) == ([1], [1])


def test_an_entry_of_another_version_is_one_line_and_no_traceback(folder: Path) -> None:
    with recording_in(folder) as (recording, _):
        record = replace(items(decisions(1))[0].record, payload=b'{"decision":7}')
        recording.ledgers.append("acme", [record])
    with (
        recording_in(folder) as (_, catching_up),
        pytest.raises(InputError, match="entry 0 cannot be read"),
    ):
        catching_up.run()


def test_the_use_of_an_exception_is_said_once_a_day_with_the_finding_it_kept_away(folder: Path) -> None:
    excused = replace(decide(outcome="excepted"), exception="E-1")
    with recording_in(folder) as (recording, catching_up):
        catching_up.run()
        for _ in range(2):
            recording.record(items([excused, excused]), NOW_NS)
    (used,) = [each.payload for each in entries(folder, "acme") if each.leaf.kind == "exception-used"]
    assert json.loads(used or b"") == {
        "exception": "E-1",
        "policy": None,
        "finding": finding_id(decide()),
    }


def test_entries_are_counted_by_what_they_hold(folder: Path) -> None:
    with recording_in(folder) as (recording, catching_up):
        catching_up.run()
        recording.begin(NOW_NS)
        recording.record(items(decisions(2)), NOW_NS)
        recording.owe(recording.book.behave(behave()), NOW_NS)
        recording.settle(NOW_NS)
        appended = dict(recording.ledgers.appended)
    held = [
        each.leaf.payload_class for name in ("acme", "beta", "_unassigned") for each in entries(folder, name)
    ]
    assert appended == {name: held.count(name) for name in held} == {"record": 3, "violation": 5}


def test_chores_tell_each_new_checkpoint_once_and_look_at_the_clocks(folder: Path) -> None:
    with recording_in(folder) as (recording, catching_up):
        catching_up.run()
        recording.begin(NOW_NS)
        recording.record(items(decisions(1)), NOW_NS)
        recording.settle(NOW_NS)
        chores = chores_of(recording, folder)
        assert [each.name for each in chores.sinks] == ["file"]
        for _ in range(2):
            chores.checkpoints(NOW_NS)
        chores.turn(NOW_NS + 400 * 86_400_000_000_000)  # the finding was to be cured long ago
        recording.settle(NOW_NS)
    found = [each.tenant for each in events(folder) if isinstance(each, CheckpointEvent)]
    assert sorted(map(str, found)) == ["None", "acme", "beta"]
    assert kinds(folder, "acme")["finding"] > 1
