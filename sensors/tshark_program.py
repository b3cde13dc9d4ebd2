"""Whether tshark and pyshark are here, which versions, and what to do where they are not.

tshark sees nothing of the user's: no profile, no plug-ins, no preferences but those it is given.
"""

import os
import shutil
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from subprocess import SubprocessError, run
from typing import Final

OLDEST: Final = (4, 0)
_NOWHERE: Final = "/nonexistent"
ENVIRONMENT: Final = {
    "PATH": os.defpath,
    "HOME": _NOWHERE,
    "WIRESHARK_CONFIG_DIR": _NOWHERE,
    "WIRESHARK_PLUGIN_DIR": _NOWHERE,
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
}


@cache
def find_tshark() -> str | None:
    """Return the program's path."""
    return shutil.which("tshark")


@cache
def version_of(program: str) -> str:
    """Return a tshark's version, "" where it does not say."""
    try:
        said = run(  # noqa: S603  a path that was looked up
            [program, "--version"], env=ENVIRONMENT, capture_output=True, timeout=30, check=False
        )
    except (OSError, SubprocessError):
        return ""
    words = said.stdout.decode("utf-8", "replace").split("\n", 1)[0].split()
    return next((word.rstrip(".") for word in words if word[:1].isdigit()), "")


def is_too_old(version: str) -> bool:
    """Tell whether a version lacks what is asked for here; one that cannot be read does."""
    numbers = [int(part) for part in version.split(".")[:2] if part.isdigit()]
    return tuple(numbers) < OLDEST


def missing() -> str:
    """Say what the engine lacks to run here, and the mend; nothing when all is there."""
    if not _pyshark():
        return "pyshark is not installed; pip install 'residency-monitor[crosscheck]'"
    program = find_tshark()
    if program is None:
        return "there is no program tshark; install it (Debian: apt-get install tshark)"
    found = version_of(program)
    if is_too_old(found):
        wanted = ".".join(map(str, OLDEST))
        return f"{program} is of version {found or 'unknown'}; install {wanted} or later"
    return ""


def describe() -> str:
    """Name the versions of what is here."""
    program = find_tshark()
    return f"tshark {version_of(program) if program else '-'}, pyshark {_pyshark() or '-'}"


def _pyshark() -> str:
    try:
        return version("pyshark")
    except PackageNotFoundError:
        return ""
