"""The store of decisions: a file by outcome and day, whole lines, retention, one daemon a folder."""

import os
import stat
from pathlib import Path

import msgspec
import pytest

from monitor.config import Retention, Sync
from monitor.daemon import decisions as module
from monitor.daemon.backlog import KINDS, Kind
from monitor.ledger.days import DAY_NS, SECOND_NS
from monitor.daemon.decisions import DecisionStore, Expired, Repaired, StoreCounters, Writing
from monitor.files import InputError
from monitor.types import Decision, Outcome
from tests.store_kit import NOW_NS, TODAY, decision, ports, stored

DAY_FILE = f"{TODAY}.jsonl"


class Process(msgspec.Struct, frozen=True):
    """Stands for the value of process attribution."""

    pid: int
    name: str


def store(folder: Path, writing: Writing = Writing()) -> DecisionStore:  # noqa: B008
    return DecisionStore(folder, Retention(), NOW_NS, writing)


@pytest.mark.parametrize("outcome", ["violation", "indeterminate", "unassigned", "excepted", "allow", None])
def test_a_file_by_outcome_and_day(tmp_path: Path, outcome: Outcome | None) -> None:
    kept = store(tmp_path / "new" / "folder", Writing("edge-1"))
    opened, ended = decision(outcome, reason="active"), decision(outcome)
    kept.add(opened)
    kept.add(ended, Process(7, "crm"))
    kept.flush(NOW_NS)
    kind: Kind = outcome or "inventory"
    path = tmp_path / "new" / "folder" / kind / DAY_FILE
    encoded = [msgspec.json.encode(each)[:-1] for each in (opened, ended)]
    assert path.read_bytes().splitlines() == [
        encoded[0] + b',"sensor":"edge-1","owner":null}',
        encoded[1] + b',"sensor":"edge-1","owner":{"pid":7,"name":"crm"}}',
    ]
    assert kept.counters() == StoreCounters(written={kind: 2})
    assert kept.problem is None
    kept.close()


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    folder = tmp_path / "decisions"
    kept = store(folder)
    kept.add(decision())
    kept.close()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.rglob("*")]}
    assert modes == {"decisions": 0o700, ".lock": 0o600, "violation": 0o700, DAY_FILE: 0o600}


@pytest.mark.parametrize(
    ("days", "name"),
    [(0, DAY_FILE), (-7, "2026-03-03.jsonl"), (-8, f"other-{DAY_FILE}"), (86_000, f"other-{DAY_FILE}")],
)
def test_packets_of_other_days(tmp_path: Path, days: int, name: str) -> None:
    kept = store(tmp_path)
    kept.add(decision("allow", days))
    kept.close()
    assert list(stored(tmp_path)) == [f"allow/{name}"]


def test_a_connection_that_ends_late_is_of_the_day_of_its_end(tmp_path: Path) -> None:
    kept, opened = store(tmp_path), decision("allow", -30)
    totals = msgspec.structs.replace(opened.connection.totals, duration_ns=30 * DAY_NS)
    connection = msgspec.structs.replace(opened.connection, totals=totals)
    kept.add(msgspec.structs.replace(opened, connection=connection))
    kept.close()
    assert list(stored(tmp_path)) == [f"allow/{DAY_FILE}"]


def test_lines_reach_the_file_with_the_flush_or_when_many_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WRITE_BYTES", 2_000)
    kept = store(tmp_path)
    kept.add(decision(port=0))
    assert ports(tmp_path, "violation") == []
    for port in range(1, 10):
        kept.add(decision(port=port))
    written = ports(tmp_path, "violation")
    assert 0 < len(written) < 10
    kept.flush(NOW_NS)
    assert ports(tmp_path, "violation") == list(range(10))
    kept.close()


def test_no_file_stays_open(tmp_path: Path) -> None:
    kept = store(tmp_path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for days in range(-80, 1):
        kept.add(decision("indeterminate", days))
    kept.flush(NOW_NS)
    assert len(stored(tmp_path)) == 81
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    kept.close()


@pytest.mark.parametrize(
    ("torn", "left"),
    [
        (b"", b""),
        (b"{}\n", b"{}\n"),
        (b'{}\n{"ts_ns":1', b"{}\n"),
        (b'{"ts_ns":1', b""),
        (b"{}\n\0\0\0\0", b"{}\n"),
        (b"{}\n" * 3 + b"x" * 200_000, b"{}\n" * 3),
        (b"x" * 65_536, b""),
        (b"{}\n" + b"x" * 65_536, b"{}\n"),
        (b"x" * 65_535 + b"\n" + b"y" * 65_536, b"x" * 65_535 + b"\n"),
    ],
)
def test_a_cut_line_is_repaired_at_the_start(tmp_path: Path, torn: bytes, left: bytes) -> None:
    path = tmp_path / "allow" / "2026-03-09.jsonl"
    path.parent.mkdir()
    path.write_bytes(torn)
    kept = store(tmp_path)
    cut = len(torn) - len(left)
    assert kept.repaired == ((Repaired(str(path), cut),) if cut else ())
    assert kept.counters().cut_lines == bool(cut)
    assert path.read_bytes() == left
    kept.close()


def test_a_line_that_was_cut_meanwhile_is_repaired_before_the_next(tmp_path: Path) -> None:
    kept = store(tmp_path)
    kept.add(decision(port=1))
    kept.flush(NOW_NS)
    path = tmp_path / "violation" / DAY_FILE
    path.write_bytes(path.read_bytes() + b'{"ts_ns":17')
    kept.add(decision(port=2))
    kept.flush(NOW_NS)
    assert ports(tmp_path, "violation") == [1, 2]
    assert kept.counters().cut_lines == 1
    kept.close()


RETENTION = Retention(
    violation=10, indeterminate=5, unassigned=4, excepted=3, allow=1, inventory=2, coverage=6
)


@pytest.mark.parametrize(
    ("kind", "kept_days"), [(kind, getattr(RETENTION, kind)) for kind in KINDS], ids=KINDS
)
def test_retention_by_class(tmp_path: Path, kind: Kind, kept_days: int) -> None:
    (tmp_path / kind).mkdir()
    for prefix in ("", "other-"):
        for age in range(13):
            day = f"2026-03-{10 - age:02}" if age < 10 else f"2026-02-{38 - age:02}"
            (tmp_path / kind / f"{prefix}{day}.jsonl").write_bytes(b"{}\n")
    (tmp_path / kind / "mine.txt").write_bytes(b"")
    kept = DecisionStore(tmp_path, RETENTION, NOW_NS)
    before = {path.name for path in (tmp_path / kind).iterdir()}
    gone = kept.expire(NOW_NS)
    left = {path.name for path in (tmp_path / kind).iterdir()}
    assert len(left) == 2 * (kept_days + 1) + 1
    assert {each.name for each in gone} == before - left
    assert set(gone) == {Expired(kind, name, 3) for name in before - left}
    assert "mine.txt" in left
    assert kept.expire(NOW_NS) == ()
    kept.close()
    shorter = DecisionStore(tmp_path, Retention(1, 1, 1, 1, 1, 1, 1), NOW_NS)
    assert len(shorter.expire(NOW_NS)) == 2 * (kept_days - 1)
    shorter.close()


def test_a_clock_that_jumps_deletes_nothing(tmp_path: Path) -> None:
    kept = store(tmp_path)
    kept.add(decision())
    kept.flush(NOW_NS)
    assert kept.expire(NOW_NS) == ()
    for now_ns in (NOW_NS + 80_000 * DAY_NS, 0, NOW_NS + SECOND_NS):
        kept.flush(now_ns)
        assert kept.expire(now_ns) == ()
    assert ports(tmp_path, "violation") == [443]
    kept.close()


def test_one_daemon_a_folder(tmp_path: Path) -> None:
    first = store(tmp_path)
    with pytest.raises(InputError) as refused:
        store(tmp_path)
    assert str(refused.value) == (
        f"{tmp_path}: another daemon writes there (process {os.getpid()}); "
        "stop that one, or give each a folder of its own (decisions.folder)"
    )
    first.close()
    store(tmp_path).close()


def test_a_folder_that_went_away_is_made_again(tmp_path: Path) -> None:
    kept = store(tmp_path / "decisions")
    for port, gone in enumerate(("moved", "moved again")):
        kept.add(decision(port=port))
        kept.flush(NOW_NS)
        (tmp_path / "decisions").rename(tmp_path / gone)
        assert ports(tmp_path / gone, "violation") == [port]
    kept.add(decision(port=3))
    kept.flush(NOW_NS)
    assert ports(tmp_path / "decisions", "violation") == [3]
    with pytest.raises(InputError, match="another daemon writes there"):
        store(tmp_path / "decisions")
    kept.close()


def test_another_daemon_in_a_folder_that_came_back(tmp_path: Path) -> None:
    kept = store(tmp_path / "decisions")
    (tmp_path / "decisions").rename(tmp_path / "gone")
    other = store(tmp_path / "decisions")
    kept.add(decision())
    kept.flush(NOW_NS)
    assert kept.problem is not None
    assert "another daemon writes there" in kept.problem
    other.close()
    kept.flush(NOW_NS + SECOND_NS)
    assert kept.problem is None
    assert kept.counters() == StoreCounters(written={"violation": 1}, failures=1)
    kept.close()


@pytest.mark.parametrize(
    ("place", "problem"),
    [("a file", "file exists; check the disk"), ("a file/below", "not a directory; check the disk")],
)
def test_a_folder_that_cannot_be_one(tmp_path: Path, place: str, problem: str) -> None:
    (tmp_path / "a file").touch()
    with pytest.raises(InputError, match=problem):
        store(tmp_path / place)


def test_what_stands_in_the_way_of_one_file_keeps_no_other(tmp_path: Path) -> None:
    (tmp_path / "violation" / DAY_FILE).mkdir(parents=True)
    (tmp_path / "allow").write_bytes(b"in the way")
    with pytest.raises(InputError, match="is a directory"):
        store(tmp_path)
    (tmp_path / "violation" / DAY_FILE).rmdir()
    kept = store(tmp_path)
    (tmp_path / "violation" / DAY_FILE).mkdir(parents=True)
    outcomes: tuple[Outcome, ...] = ("violation", "indeterminate", "allow")
    for outcome in outcomes:
        kept.add(decision(outcome))
    kept.flush(NOW_NS)
    assert kept.problem == f"{tmp_path}/violation/{DAY_FILE}: is a directory; check the disk"
    counters = kept.counters()
    assert counters.written == {"indeterminate": 1}
    assert counters.waiting == {"violation": 1, "allow": 1}
    assert counters.failures == 2
    kept.flush(NOW_NS + SECOND_NS // 2)
    assert kept.counters() == counters  # not tried again within a second
    (tmp_path / "violation" / DAY_FILE).rmdir()
    (tmp_path / "allow").unlink()
    kept.flush(NOW_NS + SECOND_NS)
    assert kept.problem is None
    assert set(stored(tmp_path)) == {f"{outcome}/{DAY_FILE}" for outcome in outcomes}
    kept.close()


def test_symbolic_links_are_not_followed(tmp_path: Path) -> None:
    kept = store(tmp_path / "decisions")
    (tmp_path / "decisions" / "violation").mkdir()
    (tmp_path / "decisions" / "violation" / DAY_FILE).symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").write_bytes(b"not ours")
    kept.add(decision())
    kept.close()
    assert kept.counters().waiting == {"violation": 1}
    assert (tmp_path / "elsewhere").read_bytes() == b"not ours"


@pytest.mark.parametrize(
    ("sync", "names"),
    [
        ("violations", {"violation", DAY_FILE}),
        ("none", set[str]()),
        ("all", {"violation", "allow", DAY_FILE}),
    ],
)
def test_syncing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync: Sync, names: set[str]) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(module, "sync", synced.append)
    kept = store(tmp_path, Writing(sync=sync))
    kept.add(decision())
    kept.add(decision("allow"))
    kept.flush(NOW_NS)
    assert {path.name for path in synced} == names
    synced.clear()
    for part in range(1, 10):  # at most once a second
        kept.add(decision(port=part))
        kept.flush(NOW_NS + part * SECOND_NS // 10)
    assert not synced
    kept.flush(NOW_NS + SECOND_NS)
    assert [path.name for path in synced] == ([] if sync == "none" else [DAY_FILE])
    kept.close()


def test_a_sync_that_fails_is_counted(tmp_path: Path) -> None:
    kept = store(tmp_path)
    kept.add(decision())
    kept.flush(NOW_NS)
    kept.add(decision())
    kept.flush(NOW_NS)
    (tmp_path / "violation").rename(tmp_path / "elsewhere")
    kept.flush(NOW_NS + SECOND_NS)
    assert kept.counters().sync_failures == 1
    kept.close()


def test_a_line_reads_as_a_decision(tmp_path: Path) -> None:
    kept = store(tmp_path, Writing("edge-1"))
    wanted: Decision = decision()
    kept.add(wanted, Process(1, "crm"))
    kept.close()
    assert stored(tmp_path) == {f"violation/{DAY_FILE}": [wanted]}


def test_a_folder_that_cannot_be_listed_is_counted_and_one_that_is_not_there_is_not(tmp_path: Path) -> None:
    kept = store(tmp_path)
    (tmp_path / "allow").write_bytes(b"")  # no folder
    for _ in range(2):
        kept.expire(NOW_NS)
    assert kept.counters().expire_failures == 2
    kept.close()
