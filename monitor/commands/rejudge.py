"""`residency rejudge`: what another policy, or other knowledge, says of what a ledger recorded."""

import sys
from pathlib import Path
from typing import Any

import click

from monitor.commands.base import FILE, clear_errors, warn
from monitor.commands.edge import reader_may_leave
from monitor.commands.judging_again import (
    Attributing,
    Policies,
    attributing_options,
    judged_again,
    opened,
    policy_of,
    replayed_option,
)
from monitor.commands.rejudged_text import summary_lines
from monitor.commands.terminal import echo, width
from monitor.rejudge.counting import violations
from monitor.rejudge.files import Out
from monitor.rejudge.run import status
from monitor.rejudge.summary import summary_json


@click.command("rejudge")
@click.argument("ledger", type=FILE, required=False, metavar="[LEDGER]")
@click.option("--policy", type=FILE, required=True, metavar="FILE", help="The policy to judge by (YAML).")
@replayed_option
@attributing_options
@click.option("--out", type=FILE, metavar="DIR", help="Leave rejudged.jsonl and summary.json there.")
@click.option("--json", "as_json", is_flag=True, help="Print summary.json instead of the text.")
def command(
    ledger: Path | None, policy: Path, replayed: Path | None, out: Path | None, as_json: bool, **options: Any
) -> None:
    """Judge again what a ledger recorded, by another policy; nothing recorded is altered.

    LEDGER is a ledger's folder, of one tenant or of all, or the decisions.jsonl of a replay. Whose a flow
    is, is found anew by the client's address; exceptions and dated jurisdictions are those of the flow's own
    time. Attributions are as recorded, unless an option asks for them to be made anew.

    \b
    Examples:
      residency rejudge /var/lib/residency/ledger --policy new-policy.yaml
      residency rejudge ledger/acme --policy policy.yaml --as-of 2026-03-10
      residency rejudge --replayed audit/ --policy new-policy.yaml --out again/
      residency rejudge ledger/ --policy new-policy.yaml --json | jq .would_be

    --out DIR gets rejudged.jsonl, one line for each flow that changes, and summary.json.

    \b
    Exit status: 0 no flow would be a violation; 1 some would;
    2 usage, policy or catalogue; 3 a ledger cannot be read;
    4 records that could not be judged; what retention erased is none of these.
    """
    attributing = Attributing(**options)
    anew = attributing.anew
    with clear_errors():
        knowledge = attributing.knowledge()
        policies = Policies(policy_of(policy, knowledge))
        inputs = opened(ledger, replayed)
        if out is None:
            summary = judged_again(inputs, policies, knowledge, anew=anew)
        else:
            with Out(out, [path for path in (ledger, replayed) if path is not None]) as files:
                summary = judged_again(inputs, policies, knowledge, files.add, anew=anew)
            files.finish(summary)
    warn(summary.input.faults)
    with reader_may_leave():
        if as_json:
            click.echo(summary_json(summary), nl=False)
        else:
            echo(summary_lines(summary, width()))
    sys.exit(status(summary, found=violations(summary.would_be) > 0))
