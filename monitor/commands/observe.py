"""`residency observe`: the sensor alone, for the capture's owner."""

import sys
from pathlib import Path

import click

from monitor import replaying
from monitor.commands.base import FILE, choose_engine, engine_option, warn


@click.command("observe")
@click.argument("path", type=FILE)
@engine_option
def command(path: Path, engine: str) -> None:
    """Print what the sensor sees, one observation a line as JSON, `type` first.

    Names of all traffic are printed, not only those of LLM providers: this is a tool for the capture's owner.

    \b
    Examples:
      residency observe capture.pcap
      residency observe capture.pcap | jq 'select(.type == "hello_seen")'
    """
    accounting, status = replaying.observe(path, choose_engine(engine), sys.stdout.buffer.write)
    sys.stdout.buffer.flush()
    warn([fault.line() for fault in accounting.faults])
    sys.exit(status)
