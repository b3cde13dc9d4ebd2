"""`residency completion`: the completion script of a shell."""

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.pass_context
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    Examples:
      eval "$(residency completion bash)"
      residency completion fish > ~/.config/fish/completions/residency.fish
    """
    kind = get_completion_class(shell)
    if kind is not None:
        click.echo(kind(ctx.find_root().command, {}, "residency", "_RESIDENCY_COMPLETE").source())
