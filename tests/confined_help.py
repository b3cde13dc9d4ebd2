"""Running programs that give things up, and what they need to be run at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sensors.confinement import support

ROOT = Path(__file__).parents[1]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
native = pytest.mark.skipif(
    bool(support().missing), reason=f"the native engine is not built: {support().missing}"
)


def script(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a few lines of Python."""
    command = [sys.executable, "-c", code, *arguments]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stderr
    return result


def program(module: str, *arguments: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run one of the programs beside this file."""
    command = [*before, sys.executable, "-W", "error", "-m", module, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
