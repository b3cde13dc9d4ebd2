"""The search for the process that holds a socket: what it may find, and where it stops."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.owners import processes
from monitor.owners.processes import MAX_COMM_BYTES, SEARCH_NS, Holder, Processes, Unnamed, printable
from tests.owners_kit import stopped


def process(proc: Path, pid: int, name: str, *links: str) -> None:
    """Make a process as ``/proc`` shows it, with descriptors that point somewhere."""
    folder = proc / str(pid) / "fd"
    folder.mkdir(parents=True)
    (proc / str(pid) / "comm").write_text(f"{name}\n")
    for number, link in enumerate(links):
        (folder / str(number)).symlink_to(link)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """Make a host's ``/proc``."""
    process(tmp_path, 1, "init", "/dev/null", "pipe:[7]")
    process(tmp_path, 20, "curl", "/dev/null", "socket:[7]", "socket:[77]")
    process(tmp_path, 30, "curl", "socket:[7]", "socket:[8]", "socket:[9]")
    process(tmp_path, 40, "python3", "socket:[8]", "/socket:[9]")
    process(tmp_path, 50, "idle")
    (tmp_path / "60").mkdir()  # its descriptors cannot be seen
    (tmp_path / "self").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("inode", "pids", "found"),
    [
        (77, [20], Holder("curl")),
        (77, [1, 20, 50], Holder("curl")),
        (77, [20, 60], Holder("curl")),  # another that cannot be seen
        (77, [20, 70], Holder("curl")),  # another that ended
        (7, [20, 30], Holder("curl")),  # both call themselves so
        (8, [30, 40], "ambiguous"),
        (9, [40], "unfound"),  # a file of that name
        (9, [1, 60], "unreadable"),
        (9, [70], "unreadable"),
        (7, [1, 50], "unfound"),
        (77, [], Holder("curl")),  # among all
        (8, [], "ambiguous"),
        (5, [], "unreadable"),
    ],
)
def test_holders(proc: Path, inode: int, pids: list[int], found: Holder | Unnamed) -> None:
    assert Processes(proc, stopped).holder(inode, pids) == found


def steps(size: int) -> Callable[[], int]:
    """Return a clock that moves on by so much whenever it is read."""
    times = count(0, size)
    return lambda: next(times)


@pytest.mark.parametrize(
    ("pids", "found"),
    [
        ([20, 40], Holder("curl")),  # time runs out behind the first found
        ([50, 1, 20], "unfound"),  # and before
    ],
)
def test_a_search_ends_in_time(proc: Path, pids: list[int], found: Holder | Unnamed) -> None:
    assert Processes(proc, steps(SEARCH_NS // 4)).holder(7 if 20 in pids[:1] else 77, pids) == found


def test_a_process_with_many_files_ends_in_time(proc: Path) -> None:
    process(proc, 80, "java", *["/dev/null"] * 500)
    clock = steps(SEARCH_NS // 10)
    assert Processes(proc, clock).holder(9, [80]) == "unfound"
    assert clock() <= 2 * SEARCH_NS


def test_no_more_processes_than_the_bound(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "MAX_PIDS", 2)
    assert Processes(proc, stopped).holder(77, [1, 50, 20]) == "unfound"


@given(st.binary(max_size=MAX_COMM_BYTES))
def test_a_name_is_printable_and_can_be_told_from_any_other(name: bytes) -> None:
    said = printable(name)
    assert said.isascii()
    assert said.isprintable()
    assert said.encode().decode("unicode_escape").encode("latin-1") == name
