"""`residency doctor`: what this installation can do, and what it lacks."""

import datetime as dt
import importlib.util
import platform
import sys
import time
from collections.abc import Iterator

import click

from monitor import __version__, app
from monitor.commands.base import clear_errors
from monitor.datasets.folders import default_folder
from monitor.datasets.health import health
from monitor.datasets.index import read_index
from monitor.files import InputError
from monitor.wording import fact, facts, plural
from sensors.engine import ENGINES, lacks


@click.command("doctor")
def command() -> None:
    """Say what this installation can do, and what it lacks. Changes nothing, connects nowhere."""
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
    missing = "not installed: `replay --out` needs it (pip install 'residency-monitor[audit]')"
    click.echo(fact("audit", "installed" if importlib.util.find_spec("pyarrow") else missing))


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


def _ready(engine: str) -> str:
    """Say that an engine is there, and of which versions what it rests on is."""
    if engine != "tshark":
        return "ready"
    from sensors.tshark_program import describe  # noqa: PLC0415  only asked for here

    return f"ready ({describe()})"
