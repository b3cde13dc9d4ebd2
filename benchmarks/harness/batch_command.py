"""The command behind `batch.py`: replays in parts, measured from outside."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psutil

from benchmarks.harness.batch_rotation import make_rotation
from benchmarks.harness.slow_store import store_of

_ROOT = Path(__file__).resolve().parents[2]
_WRITTEN = "decisions.jsonl", "connections.parquet", "findings.jsonl", "behaviours.jsonl", "summary.json"
_OF_INPUTS = "summary.json"  # names the captures
_POLL_SECONDS = 0.1


class Run(msgspec.Struct):
    """One replay. CPU seconds are of all its processes; ``peak_bytes`` of the largest, as it was seen."""

    name: str
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    left_bytes: int
    killed: int = 0


class Plan(msgspec.Struct, frozen=True):
    """A replay: in one go or by workers, with some cores or all; a worker is killed after a while."""

    name: str
    workers: int = 0
    cores: int = 0
    kill_after_seconds: float = 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure. Returns 0, or 1 where two runs left different bytes."""
    options = _parse(arguments)
    try:
        size_bytes = make_rotation(options.captures, options.files, options.packets, options.minutes)
    except OSError as error:
        print(f"batch: {options.captures}: {error.strerror}; name another folder", file=sys.stderr)
        return 2
    print(f"{options.files} files, {size_bytes / 1e9:.2f} GB, {options.files * options.packets:,} packets")
    with tempfile.TemporaryDirectory(dir=options.captures.parent) as scratch:
        return _measure(options, Path(scratch))


def _measure(options: argparse.Namespace, scratch: Path) -> int:
    many, captures = options.workers, str(options.captures)
    plans = [
        Plan("in one go"),
        Plan("1 worker, 1 core", workers=1, cores=1),
        Plan("1 worker", workers=1),
        Plan(f"{many} workers", workers=many),
    ]
    runs = [_run(plan, captures, scratch) for plan in plans]
    killed = Plan("one killed", workers=many, kill_after_seconds=runs[-1].seconds / 2)
    runs.append(_run(killed, captures, scratch))
    _, on_one_core, one, several, _ = (run.seconds for run in runs)
    if options.store_mbyte:
        runs += _from_store(options, scratch)
    for run in runs:
        print(_line(run))
    print(f"{many} workers are {one / several:.2f} times as fast as one, with all cores for both")
    print(f"{many} workers and all cores are {on_one_core / several:.2f} times as fast as one of each")
    if options.store_mbyte:
        print(f"{many} are {runs[-2].seconds / runs[-1].seconds:.2f} times as fast as one from that store")
    if options.json:
        options.json.write_bytes(msgspec.json.encode(runs))
    same = all(_same(scratch, runs[0], run) for run in runs)
    print("all left the same bytes" if same else "THE BYTES DIFFER")
    return 0 if same else 1


def _from_store(options: argparse.Namespace, scratch: Path) -> list[Run]:
    """Replay what a store gives each request at some speed, by one worker and by several."""
    speed = options.store_mbyte
    with store_of(options.captures, speed * 1e6) as address:
        counts = 1, options.workers
        return [_run(Plan(f"{n} at {speed} MB/s", workers=n), address, scratch) for n in counts]


def _line(run: Run) -> str:
    killed = f"  {run.killed} killed" if run.killed else ""
    return (
        f"{run.name:17} {run.seconds:7.1f} s  {run.cpu_seconds:7.1f} s of CPU  "
        f"largest process {run.peak_bytes / 1e6:4.0f} MB  left over {run.left_bytes / 1e6:4.0f} MB{killed}"
    )


def _run(plan: Plan, captures: str, scratch: Path) -> Run:
    """Replay once."""
    policy = str(_ROOT / "policies" / "eu-crm.yaml")
    out = scratch / plan.name.replace("/", " ")
    command = [
        sys.executable,
        "-m",
        "monitor",
        "replay",
        captures,
        "--policy",
        policy,
        "--out",
        str(out),
    ]
    extra = ["--workers", str(plan.workers)] if plan.workers else []
    run = Run(plan.name, 0, 0, 0, 0)
    started = time.perf_counter()
    with (
        _cores(plan.cores),
        subprocess.Popen([*command, *extra], cwd=_ROOT, stdout=subprocess.DEVNULL) as process,
    ):
        watched = psutil.Process(process.pid)
        cpu: dict[int, float] = {}
        while process.poll() is None:
            _look(watched, run, cpu)
            if (
                plan.kill_after_seconds
                and not run.killed
                and time.perf_counter() - started > plan.kill_after_seconds
            ):
                run.killed = _kill(watched)
            time.sleep(_POLL_SECONDS)
    run.seconds = time.perf_counter() - started
    run.cpu_seconds = sum(cpu.values())
    manifest = out / "parts" / "manifest.json"
    if manifest.exists():
        read = json.loads(manifest.read_bytes())["read"]
        run.left_bytes = sum(each["part"]["left_bytes"] for each in read)
    return run


@contextmanager
def _cores(count: int) -> Iterator[None]:
    """Have this process, and those that it starts, on so many cores."""
    all_cores = os.sched_getaffinity(0)
    if count:
        os.sched_setaffinity(0, set(sorted(all_cores)[:count]))
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_cores)


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


def _same(scratch: Path, one: Run, other: Run) -> bool:
    """Whether two runs left the same; where their captures have other names, but for the summary."""
    of_store = "MB/s" in other.name
    names = [name for name in _WRITTEN if not (of_store and name == _OF_INPUTS)]
    return all(_bytes(scratch, one, name) == _bytes(scratch, other, name) for name in names)


def _bytes(scratch: Path, run: Run, name: str) -> bytes | None:
    path = scratch / run.name.replace("/", " ") / name
    return path.read_bytes() if path.exists() else None


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("captures", type=Path, help="the folder of the files; made where they are missing")
    parser.add_argument("--files", type=int, default=40)
    parser.add_argument("--packets", type=int, default=145_000, help="of each file")
    parser.add_argument("--minutes", type=int, default=30, help="of each file")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--store-mbyte",
        type=int,
        metavar="MB",
        help="read from a store, too, that gives each request so much a second",
    )
    parser.add_argument("--json", type=Path, help="leave the figures there too")
    options = parser.parse_args(arguments)
    options.captures = options.captures.resolve()  # replays run in another folder
    if min(options.files, options.packets, options.minutes, options.workers) < 1:
        parser.error("--files, --packets, --minutes and --workers are 1 or more")
    return options
