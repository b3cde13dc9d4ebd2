"""A group of commands whose help says what each does in a whole sentence."""

import click

LONGEST = 500  # characters of a sentence; the library's own bound cuts most of them


class Group(click.Group):
    """As the library's, but for the list of commands."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands with the first sentence of each."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, each.get_short_help_str(LONGEST)) for name, each in sorted(self.commands.items())]
            )
