"""`residency publish`: the process that hands a sensor's observations to Kafka."""

import sys
from pathlib import Path

import click

from monitor.commands.base import FILE, clear_errors
from monitor.settings import load_settings


@click.command("publish")
@click.option(
    "--config", type=FILE, required=True, metavar="FILE", help="The configuration of the daemon (YAML)."
)
@click.option("--once", is_flag=True, help="End when nothing waits any more.")
def command(config: Path, once: bool) -> None:
    """Hand what waits in the spool to the Kafka topic of the configuration, until a signal ends it.

    It runs beside `residency run`, which writes the spool (`publish:`) and opens no connection. Brokers that
    are away are waited for; each parcel is delivered at least once, in order. SIGHUP reads the configuration
    and the password again, SIGTERM ends it within 5 seconds.

    \b
    Examples:
      residency check --config /etc/residency/residency.yaml
      residency publish --config /etc/residency/residency.yaml
      residency publish --config residency.yaml --once
    """
    with clear_errors():
        settings = load_settings(config)
        from monitor.publishing import publish  # noqa: PLC0415  loads what only this needs

        status = publish(settings, config, once=once)
    sys.exit(status)
