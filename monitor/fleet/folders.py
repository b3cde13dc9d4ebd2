"""Where the partitions of a fleet are recorded: each has a folder, with its ledgers and its state."""

from pathlib import Path

LEDGER, STATE = "ledger", "state"  # below a partition's folder


def folder_of(root: Path, partition: int) -> Path:
    """Return a partition's folder."""
    return root / f"p{partition}"


def partitions_in(root: Path) -> list[int]:
    """Return the partitions that have a folder, in order. Raises OSError where the root cannot be read."""
    found = (each.name.removeprefix("p") for each in root.iterdir() if (each / STATE).is_dir())
    return sorted(int(each) for each in found if each.isascii() and each.isdigit())
