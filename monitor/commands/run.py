"""`residency run`: the daemon."""

import sys
from pathlib import Path
from typing import get_args

import click
from msgspec.structs import replace

from monitor.builtin import DATA
from monitor.commands.base import Failure, clear_errors, config_option, warn
from monitor.commands.edge import reader_may_leave
from monitor.config import EngineChoice
from monitor.documents import DocumentError
from monitor.exitstatus import Exit
from monitor.host import absent_interfaces, host_problems
from monitor.settings import Settings, load_settings
from sensors.live import CaptureError

DEFAULT = DATA / "residency.yaml"


@click.command("run")
@config_option
@click.option(
    "--engine",
    type=click.Choice(get_args(EngineChoice)),
    help="Stands instead of the configuration's `capture.engine`.",
)
@click.option("--print-default", is_flag=True, help="Print the default configuration, with comments.")
def command(config: Path | None, engine: EngineChoice | None, print_default: bool) -> None:
    """Watch interfaces or a folder of captures, and judge as it goes.

    Decisions are written to a folder, numbers are served as metrics. SIGHUP reads policy, catalogues and data
    sets again; SIGTERM ends it.

    \b
    Examples:
      residency run --print-default > residency.yaml
      residency check --config residency.yaml
      residency run --config /etc/residency/residency.yaml
      residency run --config residency.yaml --engine dpkt
    """
    if print_default == (config is not None):
        raise click.UsageError("give --config FILE, or --print-default to write one")
    if config is None:
        with reader_may_leave():
            click.echo(DEFAULT.read_text(encoding="utf-8"), nl=False)
        return
    with clear_errors():
        settings = _usable(config, engine)
    from monitor.daemon.run import run  # noqa: PLC0415  loads what only the daemon needs

    with clear_errors():
        try:
            status = run(settings)
        except CaptureError as error:
            raise Failure(str(error), Exit.UNREADABLE) from None
    sys.exit(status)


def _usable(config: Path, engine: EngineChoice | None) -> Settings:
    """The settings, where this host has what they ask for; warnings are printed."""
    settings = load_settings(config)
    if engine is not None:
        capture = replace(settings.config.capture, engine=engine)
        settings = replace(settings, config=replace(settings.config, capture=capture))
    absent = absent_interfaces(settings)
    problems = [*settings.warnings, *(each for each in host_problems(settings) if each not in absent)]
    if any(problem.level == "error" for problem in problems):
        raise DocumentError([*problems, *absent])
    warn(problems)
    if absent:  # it may come yet, so that to start again makes sense
        raise Failure("\n".join(map(str, absent)), Exit.UNREADABLE)
    return settings
