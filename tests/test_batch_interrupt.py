"""Ctrl-C reaches all processes of a terminal's group: the command says so in one line, and nobody is left."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from sensors import native
from tests.batch_kit import ROOT, write_cut
from tests.batch_traffic import long_traffic

pytest.importorskip("distributed", reason="the cluster extra is not installed")

pytestmark = [
    pytest.mark.skipif(bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"),
    pytest.mark.enable_socket,
]

DEMO = ROOT / "pcaps" / "demo" / "traffic.pcap"
WAIT_SECONDS = 60
INTERRUPTED = 130


def test_an_interrupt_is_one_line_and_leaves_no_worker(tmp_path: Path) -> None:
    write_cut(tmp_path / "in", long_traffic(), [700, 1_500])
    command = [sys.executable, "-m", "monitor", "replay", str(tmp_path / "in"), "--workers", "2"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        workers = _workers_of(psutil.Process(process.pid))
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=WAIT_SECONDS)
    assert said.decode() == "residency: interrupted\n"
    assert process.returncode == INTERRUPTED
    assert psutil.wait_procs(workers, timeout=WAIT_SECONDS)[1] == []


def test_a_worker_that_is_killed_before_it_works_is_one_line() -> None:
    command = [sys.executable, "-m", "monitor", "replay", str(DEMO), "--workers", "2"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        workers = _workers_of(psutil.Process(process.pid))
        for worker in workers:
            if _is_worker(worker):
                worker.kill()
        _, said = process.communicate(timeout=WAIT_SECONDS)
    begin = "residency: workers: they could not be started ("
    assert (process.returncode, said.decode().count("\n"), said.decode()[: len(begin)]) == (2, 1, begin)
    assert said.decode().endswith("; see what ends them (memory, disk), or use fewer\n")
    assert psutil.wait_procs(workers, timeout=WAIT_SECONDS)[1] == []


def _workers_of(process: psutil.Process) -> list[psutil.Process]:
    """Return the workers as soon as one has begun."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        found: list[psutil.Process] = process.children(recursive=True)
        if any(map(_is_worker, found)):
            return found
        time.sleep(0.01)
    raise AssertionError("no worker began")


def _is_worker(process: psutil.Process) -> bool:
    return "--multiprocessing-fork" in process.cmdline()
