"""Keys of pseudonyms: their owner's alone, there before they are needed, gone when no packet needs them."""

import os
import re
import stat
from pathlib import Path

import pytest

from monitor.daemon import pseudonyms as module
from monitor.daemon.pseudonyms import RotatingPseudonyms
from monitor.files import InputError
from monitor.ledger.days import DAY_NS
from tests.decisions_kit import NOW_NS

DAYS = 30
PERIOD_NS = DAYS * DAY_NS
KEYS = ["2026-02-06-30d.key", "2026-03-08-30d.key", "2026-04-07-30d.key"]  # this period began on March 8
ADDRESS = "10.20.1.5"
DOCS = Path(__file__).parents[1] / "docs" / "62-privacy.md"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def opened(folder: Path, days: int = 0, rotate_days: int = DAYS) -> RotatingPseudonyms:
    return RotatingPseudonyms(folder, rotate_days, NOW_NS + days * DAY_NS)


def go_on(rotating: RotatingPseudonyms, first_day: int, last_day: int) -> list[str]:
    """Let days go by; return the keys that were deleted."""
    return [
        name
        for half in range(2 * first_day, 2 * last_day + 1)
        for name in rotating.turn(NOW_NS + half * DAY_NS // 2)
    ]


def test_keys_are_the_owners_alone_and_each_another(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "keys"
    opened(folder)
    assert names(folder) == KEYS
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    keys = {(folder / name).read_text() for name in KEYS}
    assert len(keys) == 3
    assert {len(bytes.fromhex(key)) for key in keys} == {32}


def test_a_restart_changes_no_pseudonym(tmp_path: Path) -> None:
    made = [opened(tmp_path).pseudonym(ADDRESS, "acme", NOW_NS) for _ in range(2)]
    assert made[0] == made[1]
    other = opened(tmp_path / "other").pseudonym(ADDRESS, "acme", NOW_NS)
    assert other != made[0]


def test_keys_rotate(tmp_path: Path) -> None:
    rotating = opened(tmp_path)
    late_ns, now_ns, next_ns = NOW_NS - PERIOD_NS, NOW_NS, NOW_NS + PERIOD_NS
    before = [rotating.pseudonym(ADDRESS, None, ts_ns) for ts_ns in (late_ns, now_ns, next_ns)]
    assert go_on(rotating, 0, 26) == []
    assert names(tmp_path) == KEYS
    assert go_on(rotating, 27, 28) == [KEYS[0]]
    assert names(tmp_path) == [*KEYS[1:], "2026-05-07-30d.key"]
    after = [rotating.pseudonym(ADDRESS, None, ts_ns) for ts_ns in (late_ns, now_ns, next_ns)]
    assert after[1:] == before[1:]
    assert after[0] != before[0]  # its key is gone: nobody makes it again
    assert len({*before, after[0]}) == 4


def test_a_clock_that_jumps_deletes_no_key(tmp_path: Path) -> None:
    rotating = opened(tmp_path)
    before = rotating.pseudonym(ADDRESS, None, NOW_NS)
    assert rotating.turn(NOW_NS) == ()
    for days in (80_000, -20_000, 0):
        assert rotating.turn(NOW_NS + days * DAY_NS) == ()
    assert rotating.pseudonym(ADDRESS, None, NOW_NS) == before


def test_another_length_of_periods_makes_other_keys(tmp_path: Path) -> None:
    before = opened(tmp_path).pseudonym(ADDRESS, None, NOW_NS)
    weekly = opened(tmp_path, rotate_days=7)
    assert weekly.pseudonym(ADDRESS, None, NOW_NS) != before
    assert set(KEYS) < set(names(tmp_path))
    assert set(KEYS) < set(go_on(weekly, 0, 80))
    assert [name for name in names(tmp_path) if not name.endswith("-7d.key")] == []
    assert len(names(tmp_path)) == 3


@pytest.mark.parametrize("content", [b"", b"00" * 31, b"00" * 33, b"zz" * 32, b"\xff" * 64])
def test_a_damaged_key(tmp_path: Path, content: bytes) -> None:
    opened(tmp_path)
    (tmp_path / KEYS[1]).write_bytes(content)
    with pytest.raises(InputError) as refused:
        opened(tmp_path)
    assert str(refused.value) == (
        f"{tmp_path / KEYS[1]}: no key of 32 bytes in hexadecimal; "
        "delete it: this period's pseudonyms then change"
    )


def test_a_key_that_others_can_read(tmp_path: Path) -> None:
    opened(tmp_path)
    (tmp_path / KEYS[1]).chmod(0o640)
    with pytest.raises(InputError, match="others than its owner have rights to this key; chmod 600"):
        opened(tmp_path)


def test_a_folder_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    with pytest.raises(InputError, match=r"let the daemon's user write there \(privacy.pseudonyms.keys\)"):
        opened(tmp_path / "a file")


def test_a_key_that_cannot_be_kept_is_used_and_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    rotating = opened(folder)
    folder.rename(tmp_path / "gone")
    folder.touch()  # stands in the way
    assert go_on(rotating, 0, 28) == []
    assert rotating.problem is not None
    assert "privacy.pseudonyms.keys" in rotating.problem
    then_ns = NOW_NS + 2 * PERIOD_NS
    made = rotating.pseudonym(ADDRESS, "acme", then_ns)
    folder.unlink()
    rotating.turn(NOW_NS + 28 * DAY_NS + module.RETRY_NS)
    assert rotating.problem is None
    assert rotating.pseudonym(ADDRESS, "acme", then_ns) == made
    assert opened(folder, 28).pseudonym(ADDRESS, "acme", then_ns) == made


def test_a_key_that_cannot_be_deleted_is_said_and_holds_up_no_other(tmp_path: Path) -> None:
    (tmp_path / "2020-01-01-30d.key").mkdir()  # which no file's end removes
    (tmp_path / "2020-02-01-30d.key").touch()
    rotating = opened(tmp_path)
    assert rotating.undeleted is None
    assert rotating.turn(NOW_NS) == ("2020-02-01-30d.key",)
    assert rotating.undeleted is not None
    assert "2020-01-01-30d.key: is a directory; " in rotating.undeleted
    (tmp_path / "2020-01-01-30d.key").rmdir()
    assert rotating.turn(NOW_NS) == ()
    assert rotating.undeleted is None


def test_two_daemons_with_one_folder_have_the_same_keys(tmp_path: Path) -> None:
    first, second = opened(tmp_path), opened(tmp_path)
    go_on(first, 0, 28)
    go_on(second, 0, 28)
    for days in (0, 30, 60):
        ts_ns = NOW_NS + days * DAY_NS
        assert first.pseudonym(ADDRESS, None, ts_ns) == second.pseudonym(ADDRESS, None, ts_ns)


def test_other_files_stay(tmp_path: Path) -> None:
    others = ["2026-02-30-30d.key", "key", "1970-01-01-30d.key.old", f".{KEYS[0]}.{os.getpid()}"]
    for name in others:
        (tmp_path / name).touch()
    go_on(opened(tmp_path), 0, 40)
    assert set(others[:3]) < set(names(tmp_path))
    assert others[3] not in names(tmp_path)  # what a run left that was cut off


@pytest.mark.parametrize("tenant", ["acme", 'Ärzte \u2028 "x"', None])
def test_the_way_to_a_pseudonym_in_the_docs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tenant: str | None
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    wanted = opened(tmp_path).pseudonym(ADDRESS, tenant, NOW_NS)
    monkeypatch.chdir(tmp_path)
    exec(code.replace('"acme"', repr(tenant)), {})  # noqa: S102
    assert capsys.readouterr().out == f"{wanted}\n"
