"""`residency catalog`: what is known of LLM providers and their endpoints. Each command has a module."""

import click

from monitor.commands.catalog import covering, diffing, linting, listing, searching, showing
from monitor.commands.groups import Group


@click.group("catalog", cls=Group)
def command() -> None:
    """Show, search, compare and check the LLM endpoints that are known.

    \b
    Examples:
      residency catalog list
      residency catalog list --provider aws --country DE
      residency catalog show bedrock-runtime.eu-central-1.amazonaws.com
      residency catalog search frankfurt embeddings
      residency catalog diff --catalog our-llms.yaml
      residency catalog lint our-llms.yaml
      residency catalog coverage names.txt
    """


for each in (listing, showing, searching, diffing, linting, covering):
    command.add_command(each.command)
