"""The command line: `residency COMMAND`. Data goes to stdout, everything about the run to stderr.

Each command lives in a module of its own under monitor/commands, which is imported when it is called: so
`--version` and completion stay quick.
"""

import importlib
import sys
from typing import Any

import click

from monitor import __version__
from monitor.commands.edge import edge, messages_may_be_lost, open_streams

COMMANDS = {
    "archive": "Archive decisions of ledgers and replays as Parquet files.",
    "catalog": "Show the LLM providers and endpoints that are known.",
    "check": "Validate a configuration, a policy or a catalogue, and run the policy's own tests.",
    "completion": "Print the completion script of a shell.",
    "correlate": "Judge what a fleet of sensors publishes to Kafka, and record it.",
    "crosscheck": "Have two engines read captures, and print where they differ.",
    "data": "Keep the data sets that say where an address is: published ranges, GeoIP.",
    "deliver": "Hand findings and checkpoints that wait to the sinks.",
    "doctor": "Say what this installation can do, and what it lacks.",
    "explain": "Say what a name or an address would be called, and why.",
    "export": "Export the evidence of a finding, to be verified by anybody.",
    "findings": "List and show findings, say what is done about them, export them.",
    "ledger": "Show what a ledger holds; take a checkpoint of it to keep elsewhere.",
    "observe": "Print what the sensor alone sees in a capture.",
    "outbox": "Show what waits for the sinks, or was put aside; put it back in line, or drop it.",
    "policy": "Compare two policies, and what they say of past flows.",
    "publish": "Hand a sensor's observations that wait in its spool to Kafka.",
    "query": "Ask an archive: ready questions, or SQL.",
    "rejudge": "Judge again what a ledger recorded, by another policy.",
    "replay": "Replay captures: which LLM providers, which regions, what is outside policy.",
    "report": "Report what was recorded over a period: a page, tables, paper.",
    "run": "Watch interfaces or a folder of captures, judge as it goes.",
    "verify": "Verify offline that a ledger, or a bundle, is as it was signed.",
}


class LazyGroup(click.Group):
    """A group that imports a command when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  the library's signature
        """Name the commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command's module and return its command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"monitor.commands.{cmd_name}").command
        return command

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the command line; `--help` and `--version` end here."""
        with edge():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with edge():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


def _version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001  the library's signature
    if value and not ctx.resilient_parsing:
        click.echo(f"residency {__version__}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.option(
    "--version", is_flag=True, callback=_version, expose_value=False, is_eager=True, help="Show the version."
)
def group() -> None:
    """Say which LLM provider and which region every egress flow reached, on what evidence.

    \b
    Examples:
      residency explain api.openai.com
      residency replay capture.pcap
      residency replay captures/ --policy policy.yaml --out audit/

    \b
    Exit status: 0 done, nothing outside policy; 1 violations found;
    2 usage, policy or configuration; 3 input unreadable; 4 incomplete;
    130 interrupted.
    """


def main() -> None:
    """Run the command line."""
    open_streams()
    try:
        status = group.main(prog_name="residency", standalone_mode=False)
    except click.ClickException as error:
        status = error.exit_code
        with messages_may_be_lost():
            error.show()
    sys.exit(status)
