"""`residency completion`: the completion script of a shell."""

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    Examples:
      eval "$(residency completion bash)"
      residency completion fish > ~/.config/fish/completions/residency.fish
    """
    from monitor.cli import group  # noqa: PLC0415  this module is loaded by it

    kind = get_completion_class(shell)
    if kind is not None:
        click.echo(kind(group, {}, "residency", "_RESIDENCY_COMPLETE").source())
