"""`residency deliver`: the process that hands events to the sinks."""

import sys
from pathlib import Path
from typing import NoReturn

import click
from msgspec.structs import replace

from monitor.commands.base import FILE, Failure, clear_errors, warn
from monitor.exitstatus import Exit
from monitor.files import InputError, read_source
from monitor.fleet.settings import is_fleet, load_fleet
from monitor.settings import Settings, load_settings


@click.command("deliver")
@click.option(
    "--config", type=FILE, required=True, metavar="FILE", help="The configuration of the daemon (YAML)."
)
@click.option("--from-end", is_flag=True, help="A sink that is new gets what comes from now on only.")
def command(config: Path, from_end: bool) -> None:
    """Hand the events that wait to the sinks of the configuration, until a signal ends it.

    It runs beside `residency run`, which writes the events and opens no connection. Each sink gets each event
    at least once, in order; one that comes again has the same key. A sink that is new begins with the oldest
    event that is still kept. With a fleet's configuration it serves all of its partitions. SIGHUP reads
    configuration and secrets again, and opens all sinks anew; SIGTERM ends it within 5 seconds.

    \b
    Examples:
      residency check --config /etc/residency/residency.yaml
      residency deliver --config /etc/residency/residency.yaml
      residency deliver --config residency.yaml --from-end
    """
    with clear_errors():
        if is_fleet(read_source(config)):
            _deliver_fleet(config, from_end=from_end)
        settings = deliverable(config)
        warn(settings.warnings)
    deliver(settings, config, from_end=from_end)


def _deliver_fleet(config: Path, *, from_end: bool) -> NoReturn:
    """Deliver the events of all partitions, and end the command. Raises InputError, DocumentError."""
    from monitor.fleet.delivering import deliver  # noqa: PLC0415  loads what only this needs

    if from_end:
        raise click.UsageError("--from-end is not for a fleet: each partition begins with its oldest event")
    settings = load_fleet(config)
    warn(settings.warnings)
    sys.exit(deliver(settings, lambda: load_fleet(config)))


def deliverable(config: Path) -> Settings:
    """Read a configuration, which has to have a sink. Raises InputError, DocumentError."""
    settings = load_settings(config)
    if not settings.config.sinks:
        raise InputError(str(config), "no sinks, so nobody to deliver to", "add one below `sinks:`")
    about_us = [each for each in settings.warnings if "policy" not in each.problem]
    return replace(settings, warnings=tuple(about_us))


def deliver(
    settings: Settings,
    config: Path,
    *,
    from_end: bool = False,
    drain_seconds: float | None = None,
    only: str | None = None,
) -> None:
    """Deliver, and end the command."""
    from monitor.courier.deliveries import DeliveriesError  # noqa: PLC0415  loads what only this needs
    from monitor.courier.runner import Mission, run  # noqa: PLC0415
    from monitor.courier.schema import UnusableError  # noqa: PLC0415

    mission = Mission(settings, lambda: load_settings(config), from_end, drain_seconds, only)
    with clear_errors():
        try:
            status = run(mission)
        except (DeliveriesError, UnusableError) as error:
            raise Failure(str(error), Exit.UNREADABLE) from None
    sys.exit(status)
