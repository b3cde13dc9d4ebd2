"""A ledger that grows: what is new is archived, open connections wait for their end, erased ones go."""

import shutil
from pathlib import Path

import pytest

from monitor.windows import Window
from sensors.observations import Count
from tests.archive_kit import append, archived, files, live, manifest, rows, started, varied
from tests.ledger_kit import DAY_NS, FILING, NOW_NS, contents, expired
from tests.rejudge_kit import run

HOUR_NS = DAY_NS // 24


def seen(folder: Path) -> list[tuple[str, int, str]]:
    """Client, bytes and end of each row."""
    return [(row["client"], row["bytes_up"], row["end_reason"]) for row in rows(folder)]


def client(number: int) -> str:
    return varied(number).connection.flow.client


def test_only_what_is_new_is_read(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    root = append(tmp_path, varied(1), varied(2))
    assert archived(archive, root).input.records == 2
    append(tmp_path, varied(3))
    said = archived(archive, root)
    assert (said.input.records, said.rows) == (1, 1)
    assert [row["ledger_index"] for row in rows(archive)] == [0, 1, 2]


def test_a_connection_is_one_row_when_it_ended(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    root = append(tmp_path, live(varied(1), 10), varied(2), live(varied(3), 30))
    archived(archive, root)
    assert [each[0] for each in seen(archive)] == [client(2)]
    (mark,) = manifest(archive).ledgers.values()
    assert mark.pending == (0, 2)
    append(tmp_path, live(varied(1), 11), varied(1))
    said = archived(archive, root)
    assert [each[0] for each in seen(archive)] == [client(2), client(1)]
    assert [each[2] for each in seen(archive)] == ["fin", "fin"]
    assert said.input.superseded == 2
    (mark,) = manifest(archive).ledgers.values()
    assert mark.pending == (2,)


def test_one_without_an_end_is_archived_when_the_sensor_began_anew(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    root = append(tmp_path, live(varied(1), 10), live(varied(1), 11))
    archived(archive, root)
    assert seen(archive) == []
    append(tmp_path, started(), varied(2))
    archived(archive, root)
    assert seen(archive)[0] == (client(1), 11, "active")
    assert len(seen(archive)) == 2
    archived(archive, root, now_ns=NOW_NS + 30 * DAY_NS)
    assert len(seen(archive)) == 2


@pytest.mark.parametrize(("hours", "there"), [(12, 0), (36, 1)])
def test_or_after_a_day_of_silence(tmp_path: Path, hours: int, there: int) -> None:
    root = append(tmp_path, live(varied(1), 10), live(varied(2, days=1), 20), now_ns=NOW_NS + DAY_NS)
    archived(tmp_path / "archive", root, now_ns=NOW_NS + hours * HOUR_NS)
    assert len(seen(tmp_path / "archive")) == there
    (mark,) = manifest(tmp_path / "archive").ledgers.values()
    assert mark.pending == (0, 1)[there:]


def test_windows_are_rows_of_coverage(tmp_path: Path) -> None:
    window = Window(
        NOW_NS - HOUR_NS, NOW_NS, "edge", "", 10, 5_000, {"sni": 6, "dns": 2, "lost": 2}, 900,
        {"ring": Count(7, 0), "table": Count(1, 60)}, shed=3, blind=("eth0 was not up",),
    )  # fmt: skip
    archived(tmp_path / "archive", append(tmp_path, FILING.window(window, NOW_NS)))
    (row,) = rows(tmp_path / "archive", "coverage")
    told = {name: row[name] for name in ("tenant", "sensor", "whole", "connections", "named", "sni", "lost")}
    assert told == {
        "tenant": "acme", "sensor": "edge", "whole": True, "connections": 10, "named": 8, "sni": 6, "lost": 2,
    }  # fmt: skip
    assert (row["unread"], row["shed"], row["blind"]) == (7, 3, ["eth0 was not up"])
    assert row["since"] == NOW_NS - HOUR_NS


def test_what_a_ledger_erased_goes(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    root = append(tmp_path, varied(1, outcome="allow"), varied(2), live(varied(3, outcome="allow"), 5))
    archived(archive, root)
    assert len(rows(archive)) == 2
    expired(tmp_path, 8)  # allow is kept for 7 days
    said = archived(archive, root, now_ns=NOW_NS + 8 * DAY_NS)
    assert [row["client"] for row in rows(archive)] == [client(2)]
    assert [(each.payload_class, each.first_day, each.rows) for each in said.deleted] == [
        ("allow", "2026-03-10", 1)
    ]
    assert len(files(archive)) == 1
    assert not manifest(archive).erasures
    assert said.input.erased[0].decisions == 1  # the verdict that waited for its end


def test_what_it_erased_of_one_sensor_stays_of_another(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    other = tmp_path / "other"
    other.mkdir()
    root = append(tmp_path, varied(1, outcome="allow"))
    archived(archive, root, append(other, varied(2, outcome="allow")))
    for number in range(3, 12):  # enough to be merged with them
        append(other, varied(number, outcome="allow"))
        archived(archive, other / "ledger")
    assert len(files(archive)) < 8
    expired(tmp_path, 8)
    before = len(rows(archive))
    archived(archive, root)
    assert before - len(rows(archive)) == 1
    assert client(1) not in [row["client"] for row in rows(archive)]


def test_another_ledger_is_not_taken_for_the_same(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    root = append(tmp_path, varied(1), varied(2))
    archived(archive, root)
    before = contents(archive)
    shutil.rmtree(root)
    append(tmp_path, varied(5), varied(6), varied(7))
    said = archived(archive, root)
    assert "not the ledger that was archived" in said.input.faults[0]
    assert contents(archive) == before
    shown = run("archive", root, "--archive", archive)
    assert shown.exit_code == 3
    assert shown.stderr.count("\n") == 1


def test_a_ledger_that_is_damaged_is_archived_up_to_there(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    root = append(tmp_path, *(varied(number) for number in range(4)))
    archived(archive, root)
    append(tmp_path, varied(4), varied(5))
    (payloads,) = (root / "acme/payloads/violation").iterdir()
    lines = payloads.read_bytes().splitlines(keepends=True)
    payloads.write_bytes(b"".join([*lines[:4], b"x" * 9 + b"\n", lines[5]]))
    said = archived(archive, root)
    assert len(said.input.faults) == 1
    assert len(rows(archive)) >= 4
    payloads.write_bytes(b"".join(lines))
    archived(archive, root)
    assert [row["ledger_index"] for row in rows(archive)] == list(range(6))


def test_what_is_not_in_its_place_yet_is_waited_for(tmp_path: Path) -> None:
    """The host went down: the checkpoint is on the disk, and the payloads are still in the journal alone."""
    archive = tmp_path / "archive"
    root = append(tmp_path, *(varied(number) for number in range(4)))
    (payloads,) = (root / "acme/payloads/violation").iterdir()
    whole = payloads.read_bytes()
    payloads.write_bytes(whole[: len(whole) // 2])
    said = archived(archive, root)
    assert said.input.problems == {"missing": 2 if len(rows(archive)) == 2 else 3}
    payloads.write_bytes(whole)
    said = archived(archive, root)
    assert said.input.problems == {}
    assert [row["ledger_index"] for row in rows(archive)] == list(range(4))


def test_an_altered_payload_is_counted(tmp_path: Path) -> None:
    root = append(tmp_path, varied(1), varied(2))
    (payloads,) = (root / "acme/payloads/violation").iterdir()
    payloads.write_bytes(payloads.read_bytes().replace(b'"bytes_up":', b'"bytes_up":1', 1))
    shown = run("archive", root, "--archive", tmp_path / "archive")
    assert shown.exit_code == 4
    assert "1 record not archived: altered" in shown.stdout
    assert [row["ledger_index"] for row in rows(tmp_path / "archive")] == [1]
