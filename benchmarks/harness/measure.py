"""Runs a program as a child process and says what it cost. Nothing is measured inside this process."""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

_UNIT_BYTES = 1 if sys.platform == "darwin" else 1_024  # getrusage(2) differs in its unit


class Cost(msgspec.Struct, frozen=True):
    """What a run cost, or the medians of some.

    ``peak_bytes`` is the largest resident set, or the parent's at the start: Linux keeps the larger.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int


class ChildFailedError(Exception):
    """A child ended badly. The text is its status and its last words."""


def run_once(
    command: Sequence[str], good_statuses: Sequence[int] = (0,), output: Path = Path(os.devnull)
) -> Cost:
    """Run a command to its end with its output thrown away, or in a file. Raises ChildFailedError."""
    with tempfile.TemporaryFile() as errors, output.open("wb") as out:
        started = time.perf_counter()
        try:
            child = subprocess.Popen(command, stdout=out, stderr=errors, env=_environment())
        except OSError as error:
            raise ChildFailedError(f"{command[0]}: {error.strerror}") from None
        _, wait_status, usage = os.wait4(child.pid, 0)
        wall_seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(wait_status)
        if child.returncode not in good_statuses:
            errors.seek(0)
            words = errors.read().decode(errors="replace").strip().splitlines()
            raise ChildFailedError(f"status {child.returncode}: {words[-1] if words else 'no message'}")
    return Cost(wall_seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _UNIT_BYTES)


def _environment() -> dict[str, str]:
    """Return our own, but with compiled modules kept: installed programs have them."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def medians(runs: Sequence[Cost]) -> Cost:
    """Return the median of each figure on its own."""
    return Cost(
        statistics.median(run.wall_seconds for run in runs),
        statistics.median(run.cpu_seconds for run in runs),
        round(statistics.median(run.peak_bytes for run in runs)),
    )


def own_peak_bytes() -> int:
    """Return this process' own peak: a child's that is no larger is not known any better."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT_BYTES
