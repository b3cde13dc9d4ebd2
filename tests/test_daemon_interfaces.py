"""What interfaces lost before the kernel saw it."""

from pathlib import Path

from monitor.daemon.interfaces import COUNTERS, Interfaces


def counters(net: Path, name: str, *values: str) -> list[Path]:
    """Write an interface's counters."""
    folder = net / name / "statistics"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / counter for counter in COUNTERS]
    for path, value in zip(paths, values, strict=True):
        path.write_text(f"{value}\n")
    return paths


def test_only_what_is_new_is_told(tmp_path: Path) -> None:
    counters(tmp_path, "eth0", "5", "0")
    counters(tmp_path, "eth1", "0", "0")
    interfaces = Interfaces(("eth0", "eth1", "none"), tmp_path)
    assert list(interfaces.lost()) == []
    counters(tmp_path, "eth0", "9", "2")
    assert list(interfaces.lost()) == [("eth0", 4), ("eth0", 2)]
    assert list(interfaces.lost()) == []
    interfaces.close()


def test_a_counter_that_cannot_be_read_or_starts_anew_is_no_loss(tmp_path: Path) -> None:
    missed, _ = counters(tmp_path, "eth0", "5", "0")
    interfaces = Interfaces(("eth0",), tmp_path)
    for value, lost in [("", []), ("7", [("eth0", 2)]), ("no number", []), ("1", []), ("4", [("eth0", 3)])]:
        missed.write_text(value)
        assert list(interfaces.lost()) == lost, value
    interfaces.close()


def test_this_machines_own() -> None:
    interfaces = Interfaces(("lo",))
    assert list(interfaces.lost()) == []
    interfaces.close()
