"""`residency policy`: what two policies differ in, and what that means for past flows."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from monitor.commands.base import FILE, clear_errors, warn
from monitor.commands.edge import reader_may_leave
from monitor.commands.groups import Group
from monitor.commands.judging_again import (
    Attributing,
    Policies,
    attributing_options,
    judged_again,
    opened,
    policy_of,
    replayed_option,
)
from monitor.commands.policy_text import difference_lines
from monitor.commands.rejudged_text import change_lines, facts_of_input
from monitor.commands.terminal import echo, labelled, width
from monitor.exitstatus import Exit
from monitor.policy.differences import PolicyChange, policy_differences
from monitor.rejudge.run import status
from monitor.rejudge.summary import Summary, summary_json

SCHEMA = "residency-policy-diff/1"


class Answer(msgspec.Struct, frozen=True):
    """What `--json` prints. ``flows`` is null unless a ledger was asked."""

    old: str
    new: str
    differences: tuple[PolicyChange, ...]
    flows: Summary | None
    schema: str = SCHEMA


@click.group("policy", cls=Group)
def command() -> None:
    """Compare policies, and see what a change means for past flows.

    \b
    Examples:
      residency policy diff policy.yaml new-policy.yaml
      residency policy diff policy.yaml new-policy.yaml --ledger ledger/
    """


@command.command("diff")
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@click.option("--ledger", type=FILE, metavar="LEDGER", help="Judge what it recorded by both.")
@replayed_option
@attributing_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of the text.")
def diff(
    old: Path, new: Path, ledger: Path | None, replayed: Path | None, as_json: bool, **options: Any
) -> None:
    """Say what differs between two policies: rules, their keys and order, groups, exceptions and the rest.

    With a ledger (or --replayed DIR), every recorded flow is judged by both policies, and those that change
    are shown in groups, each with an example. Options for attributions are those of `residency rejudge`.

    \b
    Examples:
      residency policy diff policy.yaml new-policy.yaml
      residency policy diff policy.yaml new-policy.yaml --ledger ledger/
      residency policy diff old.yaml new.yaml --replayed audit/ --json

    \b
    Exit status: 0 nothing differs; with a ledger: no flow has another outcome;
    1 the policies differ; with a ledger: some flow has another outcome;
    2 usage, policy or catalogue; 3 a ledger cannot be read;
    4 records that could not be judged.
    """
    attributing = Attributing(**options)
    anew = attributing.anew
    with clear_errors():
        knowledge = attributing.knowledge()
        before, policy = policy_of(old, knowledge), policy_of(new, knowledge)
        changes = tuple(policy_differences(before.document, policy.document))
        flows = None
        if ledger is not None or replayed is not None:
            inputs = opened(ledger, replayed)
            flows = judged_again(inputs, Policies(policy, before), knowledge, anew=anew)
    _print(Answer(before.version, policy.version, changes, flows), as_json=as_json)
    if flows is None:
        sys.exit(Exit.VIOLATIONS if changes else Exit.DONE)  # 1 as diff(1) has it
    warn(flows.input.faults)
    sys.exit(status(flows, found=flows.other_outcome.flows > 0))


def _print(answer: Answer, *, as_json: bool) -> None:
    with reader_may_leave():
        if as_json:
            click.echo(summary_json(answer), nl=False)
        else:
            echo(_lines(answer, width()))


def _lines(answer: Answer, columns: int) -> Sequence[str]:
    lines = list(difference_lines(answer.differences, columns))
    lines = lines or [f"Nothing differs in what {answer.old} and {answer.new} say."]
    if answer.flows is not None:
        lines.append("")
        lines += [labelled(label, value, columns) for label, value in facts_of_input(answer.flows)]
        lines += ["", *change_lines(answer.flows, columns)]
    return lines
