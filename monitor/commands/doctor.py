"""`residency doctor`: what this installation can do, and what it lacks."""

import importlib.util
import platform
import sys

import click

from monitor import __version__, app
from monitor.commands.base import clear_errors
from monitor.wording import fact, plural
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
    missing = "not installed: `replay --out` needs it (pip install 'residency-monitor[audit]')"
    click.echo(fact("audit", "installed" if importlib.util.find_spec("pyarrow") else missing))


def _ready(engine: str) -> str:
    """Say that an engine is there, and of which versions what it rests on is."""
    if engine != "tshark":
        return "ready"
    from sensors.tshark_program import describe  # noqa: PLC0415  only asked for here

    return f"ready ({describe()})"
