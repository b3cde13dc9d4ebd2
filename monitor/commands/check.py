"""`residency check`: validates what a person wrote, and runs a policy's own tests."""

import datetime as dt
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from monitor import app
from monitor.commands.base import (
    as_of_option,
    catalog_option,
    clear_errors,
    data_option,
    geoip_option,
    policy_option,
    warn,
)
from monitor.commands.edge import reader_may_leave
from monitor.datasets.use import DataChoice
from monitor.exitstatus import Exit
from monitor.wording import plural


@click.command("check", context_settings={"allow_extra_args": True})
@policy_option
@catalog_option
@geoip_option
@data_option
@as_of_option
@click.pass_context
def command(
    context: click.Context,
    policy: Path | None,
    catalogs: Sequence[Path],
    geoips: Sequence[Path],
    data: Path | None,
    as_of: dt.date | None,
) -> None:
    """Validate a policy and your own catalogue files, and run the policy's own tests.

    Every mistake is one line: file, line, what is wrong, what to write instead. A rule that can never apply
    is a warning. Without options the built-in catalogue alone is checked.

    \b
    Examples:
      residency check --policy policies/eu-crm.yaml
      residency check --policy policy.yaml --catalog our-llms.yaml
    """
    if context.args:
        file = ascii(context.args[0])[1:-1]
        raise click.UsageError(f"say what {file} is: --policy {file}, or --catalog {file}")
    with clear_errors():
        knowledge = app.load_knowledge(policy, catalogs, geoips, DataChoice(data, as_of))
    warn(knowledge.catalog.shadowed)
    warn(knowledge.warnings)
    warn(knowledge.notes)
    results = app.run_tests(knowledge, knowledge.policy) if knowledge.policy is not None else []
    failed = [result for result in results if not result.passed]
    with reader_may_leave():
        endpoints = plural(len(knowledge.catalog.endpoints), "endpoint")
        click.echo(f"catalogue {knowledge.catalog.version}: {endpoints}, ok")
        for dataset in knowledge.datasets:
            click.echo(f"data set {dataset}")
        for result in failed:
            click.echo(result.line)
        if knowledge.policy is not None:
            rules = plural(len(knowledge.policy.rules), "rule")
            tests = f"{len(results) - len(failed)} of {plural(len(results), 'test')} passed"
            warnings = plural(len(knowledge.warnings), "warning")
            end = "" if failed else ", ok"
            click.echo(f"policy {knowledge.policy.version}: {rules}, {tests}, {warnings}{end}")
    sys.exit(Exit.USAGE if failed else Exit.DONE)
