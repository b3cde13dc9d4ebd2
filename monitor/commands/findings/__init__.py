"""`residency findings`: what went outside policy, and what is done about it. Each command has a module."""

import click

from monitor.commands.findings import doing, exporting, listing, showing
from monitor.commands.groups import Group


@click.group("findings", cls=Group)
def command() -> None:
    """List and show findings, say what is done about them, and export them.

    A finding groups the connections of one source group to one provider and place that a rule does not allow,
    or that the evidence does not decide. Identifiers may be cut short, as long as they fit one finding.

    \b
    Examples:
      residency findings list --config /etc/residency/residency.yaml
      residency findings list --file audit/findings.jsonl
      residency findings show 3fa9 --config residency.yaml
      residency findings ack 3fa9 --config residency.yaml
      residency findings export --format csv --config residency.yaml

    \b
    Exit status: 0 done; 1 listed, and a violation is open; 2 usage, or
    an action that cannot be taken; 3 findings unreadable; 4 it is not
    known, or not durable yet, what became of an action.
    """


for each in (
    listing.command,
    showing.command,
    doing.ack,
    doing.cure,
    doing.confirm,
    doing.except_,
    doing.reopen,
    doing.comment,
    exporting.command,
):
    command.add_command(each)
