"""`residency doctor`: what this installation can do, and what it lacks."""

import datetime as dt
import importlib.util
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click

from monitor import __version__, app
from monitor.commands.base import FILE, clear_errors
from monitor.commands.terminal import echo, printable
from monitor.config import Capture, Config
from monitor.datasets.folders import default_folder
from monitor.datasets.health import health
from monitor.datasets.index import read_index
from monitor.files import InputError
from monitor.host import SINK_LIBRARIES
from monitor.privacy import privacy_lines
from monitor.report.files.pdf import NO_PRINTER, printer
from monitor.settings import load_settings
from monitor.wording import fact, facts, plural
from sensors.confinement import LANDLOCK_WHOLE, Support, support
from sensors.engine import ENGINES, lacks

CONFIG = Path("/etc/residency/residency.yaml")
_EXTRAS = {  # by extra: its library, and who needs it
    "audit": ("jinja2", "`replay --out`, and `report`,"),
    **{kind: (library, f"a sink of type {kind}") for kind, library in SINK_LIBRARIES.items()},
    "timestamp": ("rfc3161_client", "a time stamp of a checkpoint"),
    "cluster": ("distributed", "`replay --workers`"),
    "s3": ("s3fs", "`replay s3://...`"),
    "gs": ("gcsfs", "`replay gs://...`"),
}


@click.command("doctor")
@click.option("--privacy", is_flag=True, help="Say what the daemon stores, where, and how long.")
@click.option("--config", "path", type=FILE, metavar="FILE", help=f"Its configuration [{CONFIG}].")
def command(*, privacy: bool, path: Path | None) -> None:
    """Say what this installation can do, and what it lacks. Changes nothing, connects nowhere."""
    if path is not None and not privacy:
        raise click.UsageError("--config goes with --privacy")
    if privacy:
        echo(map(printable, _privacy(path)))
        return
    with clear_errors():
        catalog = app.load_knowledge().catalog
    endpoints = plural(len(catalog.endpoints), "endpoint")
    click.echo(fact("residency", __version__))
    click.echo(fact("python", f"{platform.python_version()} ({sys.executable})"))
    for engine in ENGINES:
        click.echo(fact("engine", f"{engine}: {lacks(engine) or _ready(engine)}"))
    click.echo(
        fact("catalogue", f"{catalog.version}: {plural(len(catalog.providers), 'provider')}, {endpoints}")
    )
    for line in facts("data sets", list(_data_sets())):
        click.echo(line)
    for line in facts("confinement", list(_confinement(support()))):
        click.echo(line)
    for line in facts("extras", list(_extras())):
        click.echo(line)
    click.echo(fact("PDF", f"printed by {printer()}" if printer() else f"reports cannot be: {NO_PRINTER}"))


def _extras() -> Iterator[str]:
    """Say which optional parts are installed, and how the others are; engine tshark speaks for itself."""
    for extra, (library, user) in _EXTRAS.items():
        missing = f"not installed: {user} needs it (pip install 'residency-monitor[{extra}]')"
        yield f"{extra}: {'installed' if importlib.util.find_spec(library) else missing}"


def _privacy(path: Path | None) -> Iterator[str]:
    """Say what the daemon stores by a configuration; where there is none, by the defaults."""
    chosen = path or CONFIG
    if path is None and not CONFIG.exists():
        yield f"no configuration at {CONFIG}: these are the defaults"
        config = Config(1, Capture())
    else:
        with clear_errors():
            config = load_settings(chosen).config
        yield f"by {chosen}"
    yield ""
    yield from privacy_lines(config, str(chosen.absolute().parent))


def _data_sets() -> Iterator[str]:
    """Say where the store is, how old it is, and what failed."""
    today = dt.datetime.fromtimestamp(time.time(), dt.UTC).date()
    folder = default_folder()
    try:
        index = read_index(folder) if folder is not None else None
    except InputError as error:
        yield str(error)
        return
    if index is None:
        where = "" if folder is None else f" in {folder}"
        yield f"none{where}: addresses are placed by the catalogue alone (residency data update)"
        return
    yield f"in {folder}"
    for each in health(index, today):
        age = "no version" if each.age_days is None else f"{each.version}, {plural(each.age_days, 'day')} old"
        old = f", older than {each.stale_days} days" if each.stale else ""
        failed = f"; the last attempt failed: {each.last_error}" if each.last_error is not None else ""
        yield f"{each.dataset}: {age}{old}{failed}"


def _confinement(here: Support) -> Iterator[str]:
    """Say what holds the daemon to its work here."""
    if here.missing:
        yield f"none: {here.missing}"
        return
    lacking = "not filtered: this kernel has no seccomp, or is for another processor than x86-64 and aarch64"
    yield f"system calls: {'filtered by seccomp' if here.seccomp else lacking}"
    abi = here.landlock_abi
    lacking = "not held: this kernel has no Landlock, or not among lsm= of its command line"
    old = "" if abi >= LANDLOCK_WHOLE else f"; all of the rules need version {LANDLOCK_WHOLE}"
    yield f"files and TCP: {f'held by Landlock, version {abi}{old}' if abi else lacking}"


def _ready(engine: str) -> str:
    """Say that an engine is there, and of which versions what it rests on is."""
    if engine != "tshark":
        return "ready"
    from sensors.tshark_program import describe  # noqa: PLC0415  only asked for here

    return f"ready ({describe()})"
