"""Where the store of data sets is. Light: every command asks, and most have none."""

import os
from pathlib import Path

from monitor.files import InputError

VARIABLE = "RESIDENCY_DATA"
INDEX = "index.json"
MEND = "fill it: residency data update, or residency data import"
_ROOT_FOLDER = Path("/var/lib/residency/datasets")
_USER_FOLDER = Path("residency/datasets")  # in $XDG_DATA_HOME


def default_folder() -> Path | None:
    """The folder of this user: $RESIDENCY_DATA (None where that is empty), or the one of the system."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        return Path(named) if named else None
    if os.geteuid() == 0:
        return _ROOT_FOLDER
    base = os.environ.get("XDG_DATA_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".local/share") / _USER_FOLDER


def find_folder(folder: Path | None) -> Path | None:
    """The store to read: the one that is named, or the user's, where there is one.

    Raises InputError when one is named, by argument or environment, and is not there.
    """
    chosen = folder or default_folder()
    if chosen is None or (chosen / INDEX).exists():
        return chosen
    if folder is not None or VARIABLE in os.environ:
        raise InputError(str(chosen), "no data sets in it", MEND)
    return None
