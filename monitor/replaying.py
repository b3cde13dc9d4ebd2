"""What `residency replay` and `residency observe` do: captures in, files and a summary out.

Nothing here prints: results are returned, and the command line shows them.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import msgspec

from monitor import __version__
from monitor.app import Knowledge
from monitor.datasets.use import newer_than
from monitor.exitstatus import Exit
from monitor.exports import (
    BEHAVIOURS,
    DECISIONS,
    FINDINGS,
    SUMMARY,
    DecisionFile,
    write_behaviours,
    write_findings,
    write_summary,
)
from monitor.files import InputError
from monitor.findings import Book
from monitor.findings.types import Finding
from monitor.parquet import CONNECTIONS, loading_meanwhile, require_parquet, write_connections
from monitor.pipeline import Pipeline
from monitor.summary import Summary, Versions, summarise, with_behaviours, with_findings
from sensors.capture import path_text
from sensors.engine import AUTO, Options, Progress, Sensor, open_sensor
from sensors.observations import Accounting
from sensors.paths import expand_paths

SECOND_NS = 1_000_000_000

Named = Sequence[Path | str]  # files and folders, and addresses of objects
Opener = Callable[[Named, Options, Progress | None], Sensor]


class Reading(msgspec.Struct, frozen=True):
    """How captures are read: by an engine of this process, or by whatever ``opened`` opens."""

    engine: str = AUTO
    threads: int = 1
    opened: Opener | None = None


class Replayed(msgspec.Struct, frozen=True):
    """What a replay came to. ``findings`` are worst first; without a policy there are none."""

    summary: Summary
    status: Exit
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def replay(
    paths: Named,
    knowledge: Knowledge,
    reading: Reading,
    out: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Replayed:
    """Replay captures through the pipeline; with ``out``, leave the files there.

    Raises InputError when ``out`` cannot be written, MissingExtraError when it needs more than is installed.
    """
    pipeline = Pipeline(knowledge.catalog, knowledge.policy, knowledge.aids())
    options = Options(threads=reading.threads, interest=pipeline.interest())
    sensor = _opened(paths, reading, options, progress)
    book = Book(knowledge.policy)
    with _writing(out):
        decisions = _prepare(out) if out is not None else None
        with loading_meanwhile() if decisions is not None else nullcontext():
            for batch in sensor:
                for decision in pipeline.feed(batch):
                    pipeline.behaviours.offer(decision)
                    book.offer(decision)
                    if decisions is not None:
                        decisions.add(decision)
        pipeline.count(sensor.counted())
        versions = _versions(sensor, knowledge)
        counted = pipeline.tally, pipeline.forgotten()
        inputs = [path_text(path) if isinstance(path, Path) else path for path in paths]
        rules = knowledge.policy.rules if knowledge.policy is not None else {}
        summary = summarise(versions, inputs, sensor.accounting(), counted, rules)
        summary = with_behaviours(summary, pipeline.behaviours)
        findings = _found(book, summary) if knowledge.policy is not None else None
        if findings is not None:
            summary = with_findings(summary, findings, book.forgotten)
        if decisions is not None and out is not None:
            decisions.close()
            write_connections(out, decisions.path, _metadata(versions))
            write_behaviours(out, summary)
            write_findings(out, findings)
            write_summary(out, summary)
    note = newer_than(knowledge.selection, _day(summary.accounting.last_ns))
    notes = (note,) if note is not None else ()
    return Replayed(summary, status(summary), notes, tuple(findings or ()))


def _opened(paths: Named, reading: Reading, options: Options, progress: Progress | None) -> Sensor:
    if reading.opened is not None:
        return reading.opened(paths, options, progress)
    return open_sensor([Path(path) for path in paths], reading.engine, options, progress)


def input_bytes(paths: Sequence[Path]) -> int:
    """Return how many bytes the captures have on disk; what cannot be read counts nothing."""
    total = 0
    for path in expand_paths(paths):
        try:
            total += path.stat().st_size
        except OSError:
            continue
    return total


def status(summary: Summary) -> Exit:
    """Return the exit status that a summary calls for: what was not looked at outweighs what was found."""
    if any(fault.kind == "unreadable" for fault in summary.accounting.faults):
        return Exit.UNREADABLE
    if not summary.complete:
        return Exit.INCOMPLETE
    found = summary.outcomes is not None and summary.outcomes["violation"].flows
    return Exit.VIOLATIONS if found else Exit.DONE


def observe(path: Path, engine: str, write: Callable[[bytes], object]) -> tuple[Accounting, Exit]:
    """Write what the sensor alone sees, one observation a line as JSON, ``type`` first."""
    sensor = open_sensor([path], engine)
    encode = msgspec.json.Encoder().encode
    for batch in sensor:
        if batch:
            write(b"".join([encode(observation) + b"\n" for observation in batch]))
    accounting = sensor.accounting()
    kinds = {fault.kind for fault in accounting.faults}
    if "unreadable" in kinds:
        return accounting, Exit.UNREADABLE
    return accounting, Exit.INCOMPLETE if kinds else Exit.DONE


@contextmanager
def _writing(out: Path | None) -> Iterator[None]:
    """Turn the system's refusal to write into one line. What cannot be read is a fault, never an OSError."""
    try:
        yield
    except OSError as error:
        if out is None:
            raise
        mend = "make room, or choose another --out"
        raise InputError(str(out), error.strerror or str(error), mend) from None


def _prepare(out: Path) -> DecisionFile:
    require_parquet()
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in (DECISIONS, CONNECTIONS, BEHAVIOURS, FINDINGS, SUMMARY):
            if (out / name).is_dir():
                raise InputError(str(out / name), "it is a folder", "choose another --out")
        return DecisionFile(out)
    except OSError as error:
        raise InputError(str(out), error.strerror or "cannot be written", "choose another --out") from None


def _found(book: Book, summary: Summary) -> list[Finding]:
    """Return the findings as of the last packet, with the behaviours among them.

    Each is told at once, as its first revision: the steps on the way would depend on the order of decisions.
    """
    for behaviour in summary.behaviours or ():
        book.behave(behaviour)
    if summary.accounting.last_ns is not None:
        book.tick(summary.accounting.last_ns)
    return [msgspec.structs.replace(finding, revision=1) for finding in book.findings()]


def _day(ts_ns: int | None) -> dt.date | None:
    """The day of a packet in UTC; a packet's time may be any 64-bit number."""
    try:
        return dt.datetime.fromtimestamp(ts_ns // SECOND_NS, dt.UTC).date() if ts_ns is not None else None
    except (OverflowError, ValueError, OSError):
        return None


def _versions(sensor: Sensor, knowledge: Knowledge) -> Versions:
    selection = knowledge.selection
    return Versions(
        tool=__version__,
        engine=sensor.engine,
        catalogue=knowledge.catalog.version,
        policy=knowledge.policy.version if knowledge.policy is not None else None,
        datasets=knowledge.datasets,
        as_of=str(selection.as_of) if selection is not None and selection.as_of is not None else None,
        location=str(knowledge.physics.site) if knowledge.physics is not None else None,
    )


def _metadata(versions: Versions) -> dict[str, str]:
    """The versions that decide what stands in a row; the engine does not, and is left out."""
    return {
        "residency.tool": versions.tool,
        "residency.catalogue": versions.catalogue,
        "residency.policy": versions.policy or "",
        "residency.datasets": ", ".join(versions.datasets),
        "residency.as-of": versions.as_of or "",
        "residency.location": versions.location or "",
    }
