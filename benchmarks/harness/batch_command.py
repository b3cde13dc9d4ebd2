"""The command behind `batch.py`: replays in parts, measured from outside."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import psutil

from benchmarks.harness.batch_rotation import make_rotation

_ROOT = Path(__file__).resolve().parents[2]
_WRITTEN = "decisions.jsonl", "connections.parquet", "findings.jsonl", "behaviours.jsonl", "summary.json"
_POLL_SECONDS = 0.1


class Run(msgspec.Struct):
    """One replay. CPU seconds are of all its processes; ``peak_bytes`` of the largest, as it was seen."""

    name: str
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    left_bytes: int
    killed: int = 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure. Returns 0, or 1 where two runs left different bytes."""
    options = _parse(arguments)
    size_bytes = make_rotation(options.captures, options.files, options.packets, options.minutes)
    print(f"{options.files} files, {size_bytes / 1e9:.2f} GB, {options.files * options.packets:,} packets")
    with tempfile.TemporaryDirectory(dir=options.captures.parent) as scratch:
        return _measure(options, Path(scratch))


def _measure(options: argparse.Namespace, scratch: Path) -> int:
    many = str(options.workers)
    plans = [
        ("in one go", [], 0.0),
        ("1 worker", ["--workers", "1"], 0.0),
        (f"{many} workers", ["--workers", many], 0.0),
    ]
    runs = [_run(name, extra, kill, options.captures, scratch) for name, extra, kill in plans]
    kill_after = runs[-1].seconds / 2
    runs.append(_run("one killed", ["--workers", many], kill_after, options.captures, scratch))
    for run in runs:
        print(
            f"{run.name:12} {run.seconds:7.1f} s  {run.cpu_seconds:7.1f} s of CPU  "
            f"largest process {run.peak_bytes / 1e6:4.0f} MB  left over {run.left_bytes / 1e6:4.0f} MB"
            + (f"  {run.killed} killed" if run.killed else "")
        )
    print(f"{many} workers are {runs[1].seconds / runs[2].seconds:.2f} times as fast as one")
    if options.json:
        options.json.write_bytes(msgspec.json.encode(runs))
    outs = [scratch / run.name for run in runs]
    same = all(_same(outs[0] / name, out / name) for name in _WRITTEN for out in outs[1:])
    print("all left the same bytes" if same else "THE BYTES DIFFER")
    return 0 if same else 1


def _run(name: str, extra: list[str], kill_after: float, captures: Path, scratch: Path) -> Run:
    """Replay once. A worker is killed after so many seconds, where that is not 0."""
    policy = str(_ROOT / "policies" / "eu-crm.yaml")
    out = scratch / name
    command = [
        sys.executable,
        "-m",
        "monitor",
        "replay",
        str(captures),
        "--policy",
        policy,
        "--out",
        str(out),
    ]
    run = Run(name, 0, 0, 0, 0)
    started = time.perf_counter()
    with subprocess.Popen([*command, *extra], cwd=_ROOT, stdout=subprocess.DEVNULL) as process:
        watched = psutil.Process(process.pid)
        cpu: dict[int, float] = {}
        while process.poll() is None:
            _look(watched, run, cpu)
            if kill_after and not run.killed and time.perf_counter() - started > kill_after:
                run.killed = _kill(watched)
            time.sleep(_POLL_SECONDS)
    run.seconds = time.perf_counter() - started
    run.cpu_seconds = sum(cpu.values())
    manifest = out / "parts" / "manifest.json"
    if manifest.exists():
        read = json.loads(manifest.read_bytes())["read"]
        run.left_bytes = sum(each["part"]["left_bytes"] for each in read)
    return run


def _look(process: psutil.Process, run: Run, cpu: dict[int, float]) -> None:
    """Note what a process and those below it take."""
    try:
        for each in [process, *process.children(recursive=True)]:
            with each.oneshot():
                run.peak_bytes = max(run.peak_bytes, each.memory_info().rss)
                times = each.cpu_times()
                cpu[each.pid] = times.user + times.system
    except psutil.NoSuchProcess:
        return


def _kill(process: psutil.Process) -> int:
    """Kill the worker that did most; return how many that were."""
    try:
        below = process.children(recursive=True)
        busiest = max(below, key=lambda each: each.cpu_times().user)
        busiest.kill()
    except (psutil.NoSuchProcess, ValueError):
        return 0
    return 1


def _same(one: Path, other: Path) -> bool:
    return one.read_bytes() == other.read_bytes() if one.exists() else not other.exists()


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("captures", type=Path, help="the folder of the files; made where they are missing")
    parser.add_argument("--files", type=int, default=40)
    parser.add_argument("--packets", type=int, default=145_000, help="of each file")
    parser.add_argument("--minutes", type=int, default=30, help="of each file")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path, help="leave the figures there too")
    return parser.parse_args(arguments)
