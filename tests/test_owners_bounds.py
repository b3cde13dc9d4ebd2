"""What process attribution may cost, and the cgroup tree that it reads."""

from pathlib import Path

import pytest

from monitor.owners import budget, cgroups
from monitor.owners.budget import QUERIES_PER_SECOND, WORK_NS_PER_SECOND, Budget
from monitor.owners.cgroups import STEP, Cgroups, cgroup_mount

SECOND = 1_000_000_000

V1 = (
    b"31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    b"35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
)
HYBRID = V1 + b"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:4 - cgroup2 cgroup2 rw\n"
UNIFIED = b"30 23 0:26 / /sys/fs/cgroup ro,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
BOUND = b"50 23 0:26 /system.slice /mnt/part rw - cgroup2 cgroup2 rw\n"


@pytest.mark.parametrize(
    ("mountinfo", "mount"),
    [
        (b"", None),
        (V1, None),
        (HYBRID, "/sys/fs/cgroup/unified"),
        (UNIFIED, "/sys/fs/cgroup"),
        (BOUND, "/mnt/part"),
        (BOUND + UNIFIED, "/sys/fs/cgroup"),
        (rb"30 23 0:26 / /mnt/c\040g rw - cgroup2 cgroup2 rw", "/mnt/c g"),
        (b"30 - cgroup2 cgroup2 rw\n", None),
        (b" - cgroup2 \n\xff\xff", None),
    ],
)
def test_where_the_tree_is_mounted(mountinfo: bytes, mount: str | None) -> None:
    assert cgroup_mount(mountinfo) == (None if mount is None else Path(mount))


def test_a_tree_is_known_by_number(tmp_path: Path) -> None:
    inner = tmp_path / "system.slice" / "nginx.service"
    inner.mkdir(parents=True)
    (inner / "cgroup.procs").write_text("7\n0\n9\n")  # 0: a process of another pid namespace
    tree = Cgroups(tmp_path)
    assert tree.path(tmp_path.stat().st_ino) == "/"
    assert tree.path(inner.stat().st_ino) == "/system.slice/nginx.service"
    assert tree.pids("/system.slice/nginx.service") == [7, 9]
    assert tree.pids("/") == tree.pids("/gone") == []
    assert tree.path(0) is None


def test_without_a_tree_nothing_is_known() -> None:
    tree = Cgroups(None)
    assert (tree.path(1), tree.pids("/a")) == (None, [])


def test_a_new_directory_is_found_and_a_removed_one_forgotten(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    tree = Cgroups(tmp_path)
    number = old.stat().st_ino
    assert tree.path(number) == "/old"
    new.mkdir()
    old.rmdir()
    assert tree.path(new.stat().st_ino) == "/new"
    assert tree.path(number) is None


def test_a_great_tree_is_read_over_several_questions(tmp_path: Path) -> None:
    tree = Cgroups(tmp_path)
    folders = [tmp_path / f"{each:04}" for each in range(2 * STEP + 10)]
    for folder in folders:
        folder.mkdir()
    numbers = [folder.stat().st_ino for folder in folders]
    assert tree.path(0) is None
    assert tree.path(0) is None
    assert tree.path(0) is None
    assert [tree.path(number) for number in numbers] == [f"/{folder.name}" for folder in folders]


def test_the_tree_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "MAX_CGROUPS", 10)
    numbers = []
    for each in range(50):
        (tmp_path / str(each)).mkdir()
        numbers.append((tmp_path / str(each)).stat().st_ino)
    tree = Cgroups(tmp_path)
    assert sum(tree.path(number) is not None for number in numbers) <= 2 * 10


def test_a_list_of_processes_is_cut_at_a_whole_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "MAX_PIDS_BYTES", 6)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "cgroup.procs").write_text("12\n345\n678\n")
    assert Cgroups(tmp_path).pids("/a") == [12]


def test_links_are_not_followed(tmp_path: Path) -> None:
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    tree.mkdir()
    outside.mkdir()
    (tree / "link").symlink_to(outside)
    assert Cgroups(tree).path(outside.stat().st_ino) is None


def test_questions_are_counted_by_the_second() -> None:
    asked = Budget(0)
    assert [asked.admits(0) for _ in range(QUERIES_PER_SECOND + 2)] == [True] * QUERIES_PER_SECOND + [
        False
    ] * 2
    assert asked.admits(SECOND // QUERIES_PER_SECOND + 1)
    assert not asked.admits(SECOND // QUERIES_PER_SECOND + 2)
    assert sum(asked.admits(100 * SECOND) for _ in range(10 * QUERIES_PER_SECOND)) == QUERIES_PER_SECOND


def test_work_is_counted_by_the_second() -> None:
    asked = Budget(0)
    assert asked.admits(0)
    asked.spend(2 * WORK_NS_PER_SECOND)
    assert not asked.admits(SECOND // 2)
    assert not asked.admits(SECOND)
    assert asked.admits(SECOND + SECOND // 100)


def test_a_clock_that_goes_back_gives_nothing() -> None:
    asked = Budget(SECOND)
    asked.spend(2 * budget.WORK_NS_PER_SECOND)
    assert not asked.admits(0)
