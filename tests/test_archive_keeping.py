"""How long rows stay, and how few files hold them; whoever reads meanwhile reads all of them, once."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.archive import compacting
from monitor.archive.layout import is_over
from monitor.archive.store import reading
from monitor.files import InputError
from monitor.ledger.types import PayloadClass
from tests.archive_kit import append, archived, files, manifest, replayed, rows, varied
from tests.ledger_kit import DAY_NS, NOW_NS
from tests.rejudge_kit import run

LATER_NS = NOW_NS + 60 * DAY_NS  # 2026-05-09


def keeping(**days: int) -> Callable[[PayloadClass], int | None]:
    return days.get


def days_of(folder: Path) -> list[str]:
    return sorted(str(row["day"]) for row in rows(folder))


def test_small_parts_of_a_day_become_one(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    for number in range(compacting.MANY):
        assert len(files(archive)) == number
        said = archived(archive, replayed(tmp_path / f"{number}", [varied(9 - number)]))
    assert said.merged == compacting.MANY
    (name,) = files(archive)
    assert "/day=2026-03-10/" in name
    (part,) = manifest(archive).parts
    assert (part.rows, len(part.sources)) == (compacting.MANY, compacting.MANY)
    times = [row["first_packet"] for row in sorted(rows(archive), key=lambda row: row["client"])]
    assert times == sorted(times)


def test_days_of_a_month_that_is_over_become_one(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    found = [varied(number, days=number) for number in range(30)]  # to the 8th of April
    archived(archive, replayed(tmp_path / "out", found))
    before = rows(archive)
    assert len(files(archive)) == 30
    archived(archive, replayed(tmp_path / "more", [varied(99)]), now_ns=LATER_NS)
    months = {name.split("/")[3] for name in files(archive)}
    assert months == {"month=2026-03", "month=2026-04"}
    assert len(files(archive)) == 2
    assert [row for row in rows(archive) if row["source"] == before[0]["source"]] == before
    assert len(rows(archive)) == 31


def test_a_merged_part_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compacting, "MAX_ROWS", 10)
    archive = tmp_path / "archive"
    for number in range(12):
        archived(archive, replayed(tmp_path / f"{number}", [varied(number * 4 + each) for each in range(4)]))
    assert max(part.rows for part in manifest(archive).parts) <= 10
    assert len(rows(archive)) == 48


@pytest.mark.parametrize(
    ("period", "today", "over"),
    [
        ("2026-03", "2026-04-08", True),
        ("2026-03", "2026-04-07", False),
        ("2025-12", "2026-01-08", True),
        ("2026-03", "2026-03-31", False),
        ("2026-05", "2026-03-31", False),
        ("9999-12", "2026-03-31", False),
    ],
)
def test_when_a_month_is_over(period: str, today: str, over: bool) -> None:  # noqa: FBT001
    assert is_over(period, dt.date.fromisoformat(today), 7) is over


def test_rows_go_when_they_were_kept_long_enough(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    found = [varied(1), varied(2, days=1), varied(3, outcome="allow"), varied(4, days=2)]
    archived(archive, replayed(tmp_path / "out", found), now_ns=NOW_NS)
    now_ns = NOW_NS + 31 * DAY_NS
    said = archived(archive, now_ns=now_ns, kept_days=keeping(violation=30))
    assert days_of(archive) == ["2026-03-10", "2026-03-11", "2026-03-12"]
    assert [row["outcome"] for row in rows(archive)] == ["violation", "allow", "violation"]
    assert [(each.tenant, each.first_day, each.rows) for each in said.deleted] == [("acme", "2026-03-10", 1)]
    assert len(files(archive)) == 3
    again = archived(archive, tmp_path / "out", now_ns=now_ns, kept_days=keeping(violation=30))
    assert (again.rows, again.known, len(rows(archive))) == (0, 1, 3)


def test_days_go_out_of_a_month(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archived(archive, replayed(tmp_path / "out", [varied(n, days=n) for n in range(20)]), now_ns=LATER_NS)
    (before,) = files(archive)
    shown = archived(archive, now_ns=LATER_NS, kept_days=keeping(violation=50))
    (after,) = files(archive)
    assert before != after
    assert days_of(archive) == [f"2026-03-{day}" for day in range(20, 30)]
    (deleted,) = shown.deleted
    assert (deleted.first_day, deleted.last_day, deleted.rows) == ("2026-03-10", "2026-03-19", 10)


def test_the_command_says_what_it_deletes(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    out = replayed(tmp_path / "out", [varied(1, days=-400), varied(2, days=-401, tenant="\x1b[31m")])
    shown = run("archive", out, "--archive", archive, "--keep", "violation=36,allow=1")
    assert shown.exit_code == 0, shown.output
    assert "deleted 1 row: acme, violation, 2025-02-03 to 2025-02-03\n" in shown.stdout
    assert "deleted 1 row: \\x1b[31m, violation" in shown.stdout
    assert rows(archive) == []
    assert not files(archive)


def test_the_configuration_says_how_long(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archived(
        archive, replayed(tmp_path / "out", [varied(1, days=-400), varied(2, outcome="allow", days=-400)])
    )
    (tmp_path / "ledger").mkdir()
    config = tmp_path / "residency.yaml"
    config.write_text(
        "version: 1\nsensor: edge\ncapture: {interfaces: [lo]}\nledger: {folder: ledger, key: k.key, "
        "retention_days: {violation: 3650}}\nstate: state\n"
    )
    shown = run("archive", "--config", config, "--archive", archive)
    assert shown.exit_code == 3  # there is no ledger yet
    append(tmp_path, varied(5))
    shown = run("archive", "--config", config, "--archive", archive)
    assert shown.exit_code == 0, shown.output
    assert "deleted 1 row: acme, allow" in shown.stdout
    assert {row["outcome"] for row in rows(archive)} == {"violation"}


def test_what_is_read_stays_until_it_was_read(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    for number in range(compacting.MANY - 1):
        archived(archive, replayed(tmp_path / f"{number}", [varied(number)]))
    with reading(archive) as before:
        archived(archive, replayed(tmp_path / "last", [varied(99)]))
        assert {part.path for part in before.parts} < files(archive)
        assert len(rows(archive)) == compacting.MANY
        shown = run(
            "query", "--archive", archive, "--sql", "SELECT count(*) AS n FROM decisions", "--format", "csv"
        )
        assert shown.stdout == f"n\n{compacting.MANY}\n"
    archived(archive)
    assert files(archive) == {part.path for part in manifest(archive).parts}


def test_a_part_that_cannot_be_merged_is_named(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    for number in range(compacting.MANY - 1):
        archived(archive, replayed(tmp_path / f"{number}", [varied(number)]))
    first = manifest(archive).parts[0]
    data = (archive / first.path).read_bytes()
    (archive / first.path).write_bytes(data[: len(data) // 2] + b"\x00" * (len(data) - len(data) // 2))
    with pytest.raises(InputError, match=first.name):
        archived(archive, replayed(tmp_path / "last", [varied(99)]))
    assert len(manifest(archive).parts) == compacting.MANY
