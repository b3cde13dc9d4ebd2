"""`residency correlate`: one of the processes that judge together what a fleet of sensors publishes."""

import sys
from pathlib import Path
from typing import Literal

import click

from monitor.commands.base import FILE, clear_errors, warn
from monitor.files import InputError

PARTS = ("correlate", "record")
MISSING = "install it: pip install 'residency-monitor[kafka]'"


@click.command("correlate")
@click.option(
    "--config",
    type=FILE,
    required=True,
    metavar="FILE",
    help="The configuration of the fleet's correlators (YAML).",
)
@click.option(
    "--only", type=click.Choice(PARTS), help="Do one of the two parts; another process does the other."
)
def command(config: Path, only: Literal["correlate", "record"] | None) -> None:
    """Correlate and judge what a fleet of sensors publishes to Kafka, and record what is decided.

    Start as many as are needed: they share the partitions, and whoever comes or goes, decisions and findings
    are those of one process. Each parcel of observations is judged at least once, and recorded once. SIGHUP
    reads policy, catalogues and data sets again; SIGTERM ends it.

    \b
    Examples:
      residency check --config correlator.yaml
      residency correlate --config correlator.yaml
      residency correlate --config correlator.yaml --only correlate
    """
    from monitor.fleet.settings import load_fleet  # noqa: PLC0415  only those who have a fleet pay for it

    with clear_errors():
        settings = load_fleet(config)
        warn(settings.warnings)
        try:
            from monitor.correlating.run import run  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise InputError("correlate", f"{error.name} is missing", MISSING) from None
        sys.exit(run(settings, ("correlate", "record") if only is None else (only,)))
