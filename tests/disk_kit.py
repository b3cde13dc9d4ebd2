"""A file system of a test's own, in a mount namespace of its own."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def unshared(*command: str) -> list[str]:
    """Return a command in a mount namespace of its own; skip where that is not allowed."""
    program = shutil.which("unshare")
    if program is None or os.geteuid() != 0:
        pytest.skip("mounting a disk needs root and unshare")
    if subprocess.run([program, "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this root may make no mount namespace")
    return [program, "--mount", *command]
