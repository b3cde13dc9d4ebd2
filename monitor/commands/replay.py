"""`residency replay`: captures in, summary and files out."""

import datetime as dt
import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from monitor import app, replaying
from monitor.batch import run
from monitor.commands.base import (
    CAPTURE,
    FILE,
    as_of_option,
    catalog_option,
    choose_engine,
    clear_errors,
    data_option,
    engine_option,
    geoip_option,
    location_option,
    policy_option,
    threads_option,
    warn,
)
from monitor.commands.edge import reader_may_leave
from monitor.commands.replay_parts import Spread, in_parts, local_paths, spread_options
from monitor.console import print_summary
from monitor.datasets.use import DataChoice
from monitor.exports import summary_json
from monitor.files import InputError
from monitor.geography import Site

LONG_BYTES = 5_000_000  # captures from this size on get a progress bar on a terminal


@click.command("replay")
@click.argument("paths", nargs=-1, required=True, type=CAPTURE, metavar="PATH...")
@policy_option
@click.option("--out", type=FILE, metavar="DIR", help="Leave decisions, summary and report there.")
@catalog_option
@geoip_option
@location_option
@data_option
@as_of_option
@engine_option
@threads_option
@spread_options
@click.option("--json", "as_json", is_flag=True, help="Print summary.json instead of the text.")
def command(
    paths: Sequence[str],
    policy: Path | None,
    out: Path | None,
    catalogs: Sequence[Path],
    geoips: Sequence[Path],
    site: Site | None,
    data: Path | None,
    as_of: dt.date | None,
    engine: str,
    threads: int,
    workers: int | None,
    cluster: str | None,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Replay captures and report which LLM providers and regions were reached.

    PATHs are pcap or pcapng files (plain, .gz, .zst) or folders of them; they are read as one stream in
    time order. Without --policy everything is attributed and nothing judged: an inventory.

    \b
    Examples:
      residency replay capture.pcap
      residency replay captures/ --policy policy.yaml --out audit/
      residency replay big.pcap.zst --policy policy.yaml --json | jq .outcomes
      residency replay s3://captures/ --policy policy.yaml --workers 8

    --out DIR gets decisions.jsonl, connections.parquet, summary.json and
    report.html (see `residency report`); with --policy also findings.jsonl,
    and behaviours.jsonl where the policy has a section `behaviours`.

    With --workers or --cluster many read at once (docs/83-batch.md), and PATHs
    may be in object stores: s3://, gs://. The output is the same.
    """
    engine = choose_engine(engine)
    spread = Spread(workers, cluster, cache)
    local = local_paths(spread, paths)
    with clear_errors():
        if out is not None:
            _require_report(out)
        knowledge = app.load_knowledge(policy, catalogs, geoips, DataChoice(data, as_of))
        knowledge = app.with_physics(knowledge, site)
        warn(knowledge.warnings)
        warn(knowledge.notes)
        gc.freeze()  # all that was loaded stays, and need not be looked through for garbage again and again
        with in_parts(spread, engine, out) as batch, _progress(local) as progress:
            if batch is None:
                reading = replaying.Reading(engine, threads)
                replayed = replaying.replay(local, knowledge, reading, out, progress)
            else:
                replayed = run.replay(paths, knowledge, batch, out, progress)
        if out is not None:
            _leave_report(out, policy)
    warn([fault.line() for fault in replayed.summary.accounting.faults])
    warn(replayed.notes)
    with reader_may_leave():
        if as_json:
            click.echo(summary_json(replayed.summary), nl=False)
        else:
            print_summary(replayed.summary, replayed.findings)
    sys.exit(replayed.status)


def _require_report(out: Path) -> None:
    """Raise MissingExtraError or InputError where it is plain that no report can be left there."""
    from monitor.report.files.writing import HTML, require  # noqa: PLC0415  only where a report is asked for

    require(("html",), "--out writes report.html, which")
    if (out / HTML).is_dir():
        raise InputError(str(out / HTML), "it is a folder", "choose another --out")


def _leave_report(out: Path, policy: Path | None) -> None:
    """Leave the report that `residency report` makes of the folder. Raises InputError."""
    from monitor.report.files.writing import write_report  # noqa: PLC0415
    from monitor.report.question import Question  # noqa: PLC0415
    from monitor.report.reading import gather  # noqa: PLC0415

    facts = gather(Question((out,), (policy,) if policy is not None else ()))
    write_report(facts, out, ("html",))


@contextmanager
def _progress(paths: Sequence[Path]) -> Iterator[Callable[[int], None] | None]:
    """Show a progress bar on a terminal while long captures are read."""
    total = replaying.input_bytes(paths) if sys.stderr.isatty() else 0
    if total < LONG_BYTES:
        yield None
        return
    with click.progressbar(length=total, label="reading", file=sys.stderr, show_pos=False) as bar:
        yield bar.update
