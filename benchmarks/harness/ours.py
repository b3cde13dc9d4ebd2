"""What is measured of this project, and the floor beneath it."""

import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from benchmarks.harness.names import names_of_replay, names_of_script
from benchmarks.harness.program import Program

ROOT = Path(__file__).resolve().parents[2]
FLOOR = "floor"
FLOOR_PROGRAM = ROOT / "benchmarks" / "floor" / "target" / "release" / "floor"
FLOOR_MISSING = "not built: make floor"
NATIVE_MISSING = "not built: make native"
REPLAY = str(Path(sys.executable).with_name("residency"))
DRAIN = (sys.executable, str(ROOT / "benchmarks" / "drain_engine.py"))


def our_programs(path: Path, threads: int) -> list[Program]:
    """Return ``cat``, the floor, the native engine, and the replay: with one thread, and with so many."""
    file = str(path)
    counts = [1] if threads == 1 else [1, threads]
    return [
        Program("cat", ("cat", file)),
        Program(FLOOR, (str(FLOOR_PROGRAM), file), missing=floor_missing()),
        _engine("native", file, "engine native, to encoded observations", "--encoded"),
        _engine("native", file, "engine native, to Python objects"),
        *(_replay(file, count) for count in counts),
    ]


def our_slow_programs(path: Path) -> list[Program]:
    """Return what is written in Python."""
    bare = (sys.executable, str(ROOT / "benchmarks" / "bare_dpkt.py"), str(path))
    reference = _engine("dpkt", str(path), "engine dpkt, to Python objects")
    return [reference._replace(slow=True), Program("bare dpkt loop", bare, slow=True)]


def floor_missing() -> str:
    """Say why the floor cannot run; nothing where it can."""
    return "" if FLOOR_PROGRAM.is_file() else FLOOR_MISSING


def native_missing() -> str:
    """Say why the native engine cannot run; nothing where it can."""
    return "" if find_spec("sensors._native") else NATIVE_MISSING


def _engine(engine: str, file: str, title: str, *more: str) -> Program:
    command = (*DRAIN, file, "--engine", engine)
    missing = native_missing() if engine == "native" else ""
    return Program(title, (*command, *more), names=partial(names_of_script, command), missing=missing)


def _replay(file: str, threads: int) -> Program:
    policy = str(ROOT / "policies" / "eu-crm.yaml")
    command: tuple[str, ...] = (REPLAY, "replay", file, "--engine", "native", "--policy", policy)
    title, missing = "residency replay, to verdict", native_missing()
    if _knows_threads():
        command += ("--threads", str(threads))
    elif threads > 1:
        missing = missing or "this version has no --threads"
    if threads > 1:
        title += f", {threads} threads"
    return Program(
        title,
        command,
        good_statuses=(0, 1),  # both are verdicts
        names=partial(names_of_replay, command),
        llm_only=True,
        missing=missing,
    )


def _knows_threads() -> bool:
    told = subprocess.run((REPLAY, "replay", "--help"), capture_output=True, text=True, check=False)
    return "--threads" in told.stdout
