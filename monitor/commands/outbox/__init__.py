"""`residency outbox`: what waits for the sinks, and what none of them took. Each command has a module."""

import click

from monitor.commands.groups import Group
from monitor.commands.outbox import changing, draining, listing, status


@click.group("outbox", cls=Group)
def command() -> None:
    """Show what waits for the sinks, and what was put aside; put it back in line, or drop it.

    Each command takes --config FILE, or --state DIR to look at a state folder alone. A fleet's configuration
    stands for all of its partitions.

    \b
    Examples:
      residency outbox status --config /etc/residency/residency.yaml
      residency outbox list --dead --state /var/lib/residency/state
      residency outbox retry --sink soc --config residency.yaml
      residency outbox drop --sink soc --key KEY --config residency.yaml
      residency outbox drain --config residency.yaml
    """


for each in (status.command, listing.command, changing.retry, changing.drop, draining.command):
    command.add_command(each)
