"""`residency outbox drain`: deliver all that waits, and end."""

import sys
from pathlib import Path
from typing import NoReturn

import click

from monitor.commands.base import Failure, clear_errors, warn
from monitor.commands.deliver import deliver, deliverable
from monitor.commands.outbox.base import names_of, needed_config_option, places_of, sink_option
from monitor.courier.deliveries import DeliveriesError
from monitor.exitstatus import Exit
from monitor.files import read_source
from monitor.fleet.settings import FleetSettings, is_fleet, load_fleet

WAIT_SECONDS = 60.0


@click.command("drain")
@needed_config_option
@sink_option
@click.option(
    "--wait",
    type=click.FloatRange(min=0.1, max=86_400),
    default=WAIT_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="Give up on what was not taken after so long.",
)
def command(config: Path, sink: str | None, wait: float) -> None:
    """Deliver all that waits now, and end: 0 when all was taken, 4 when some was not.

    Before an upgrade, or from a timer instead of `residency deliver`, which must not run meanwhile.

    \b
    Examples:
      residency outbox drain --config residency.yaml
      residency outbox drain --config residency.yaml --sink soc --wait 10
    """
    with clear_errors():
        fleet = is_fleet(read_source(config))
        settings = load_fleet(config) if fleet else deliverable(config)
    warn(settings.warnings)
    names = names_of(settings)
    if sink is not None and sink not in names:
        raise click.UsageError(f"no sink {sink!r}; there are: {', '.join(names)}")
    if isinstance(settings, FleetSettings):
        _drain_fleet(settings, config, wait, sink)
    else:
        deliver(settings, config, drain_seconds=wait, only=sink)


def _drain_fleet(settings: FleetSettings, config: Path, wait: float, sink: str | None) -> NoReturn:
    """Deliver what waits in all partitions, and end the command."""
    from monitor.fleet.delivering import drain  # noqa: PLC0415  loads what only this needs

    places_of(config)  # ends it where nothing is recorded yet
    with clear_errors():
        try:
            status = drain(settings, wait, sink)
        except DeliveriesError as error:
            raise Failure(str(error), Exit.UNREADABLE) from None
    sys.exit(status)
