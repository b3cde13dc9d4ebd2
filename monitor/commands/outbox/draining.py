"""`residency outbox drain`: deliver all that waits, and end."""

from pathlib import Path

import click

from monitor.commands.base import clear_errors, warn
from monitor.commands.deliver import deliver, deliverable
from monitor.commands.outbox.base import needed_config_option, sink_option

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
        settings = deliverable(config)
    warn(settings.warnings)
    names = [each.name for each in settings.config.sinks]
    if sink is not None and sink not in names:
        raise click.UsageError(f"no sink {sink!r}; there are: {', '.join(names)}")
    deliver(settings, config, drain_seconds=wait, only=sink)
