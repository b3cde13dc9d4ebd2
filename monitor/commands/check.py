"""`residency check`: validates what a person wrote, and runs a policy's own tests.

What a configuration names is read as the daemon would read it; what the command line names stands instead.
"""

import datetime as dt
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from monitor import app
from monitor.commands.base import (
    as_of_option,
    catalog_option,
    clear_errors,
    config_option,
    data_option,
    geoip_option,
    policy_option,
    warn,
)
from monitor.commands.edge import reader_may_leave
from monitor.datasets.use import DataChoice
from monitor.exitstatus import Exit
from monitor.files import read_source
from monitor.policy import TestResult
from monitor.wording import plural

if TYPE_CHECKING:
    from monitor.fleet.settings import FleetSettings
    from monitor.settings import Settings


@click.command("check", context_settings={"allow_extra_args": True})
@config_option
@policy_option
@catalog_option
@geoip_option
@data_option
@as_of_option
@click.pass_context
def command(
    context: click.Context,
    config: Path | None,
    policy: Path | None,
    catalogs: Sequence[Path],
    geoips: Sequence[Path],
    data: Path | None,
    as_of: dt.date | None,
) -> None:
    """Validate a configuration, a policy and your own catalogue files, and run the policy's own tests.

    Every mistake is one line: file, line, what is wrong, what to write instead. A rule that can never apply
    is a warning, and so is what this host lacks of what a configuration asks for: the daemon may run on
    another. With --config, what the other options name stands instead of what the configuration names.
    Without options the built-in catalogue alone is checked.

    \b
    Examples:
      residency check --config /etc/residency/residency.yaml
      residency check --config residency.yaml --policy new-policy.yaml
      residency check --policy policies/eu-crm.yaml
      residency check --policy policy.yaml --catalog our-llms.yaml
    """
    if context.args:
        file = ascii(context.args[0])[1:-1]
        raise click.UsageError(f"say what {file} is: --policy {file}, or --catalog {file}")
    with clear_errors():
        settings = _settings(config) if config is not None else None
        if settings is not None:
            policy, data = policy or settings.policy, data or settings.data
            catalogs, geoips = catalogs or settings.catalogs, geoips or settings.geoips
        none = settings is not None and data is None and as_of is None
        knowledge = app.load_knowledge(policy, catalogs, geoips, None if none else DataChoice(data, as_of))
    warn([*knowledge.catalog.shadowed, *knowledge.warnings, *knowledge.notes])
    if settings is not None:
        warn([*_strangers(settings, knowledge), *_unwatched(settings, knowledge)])
    results = app.run_tests(knowledge, knowledge.policy) if knowledge.policy is not None else []
    with reader_may_leave():
        if settings is not None:
            click.echo(f"configuration {config}: {_watched(settings)}, ok")
        for line in _lines(knowledge, results):
            click.echo(line)
    sys.exit(Exit.DONE if all(result.passed for result in results) else Exit.USAGE)


def _settings(config: Path) -> "Settings | FleetSettings":
    """Read a configuration, and print its warnings; what the host lacks is one too."""
    from monitor.fleet.settings import is_fleet, load_fleet  # noqa: PLC0415  only who has one pays for it
    from monitor.host import host_problems  # noqa: PLC0415
    from monitor.settings import load_settings  # noqa: PLC0415

    if is_fleet(read_source(config)):
        fleet = load_fleet(config)
        warn(fleet.warnings)
        return fleet
    settings = load_settings(config)
    warn(settings.warnings)
    warn([msgspec.structs.replace(each, level="warning") for each in host_problems(settings)])
    return settings


def _strangers(settings: "Settings | FleetSettings", knowledge: app.Knowledge) -> list[str]:
    """Return a line for each tenant of a sink that the policy does not know: nothing would be sent of it."""
    policy = knowledge.policy
    known = {each.tenant for each in policy.subjects} if policy is not None else set()
    return [
        f"sink {sink.name!r}: warning: the policy has no tenant {tenant!r}; see `tenants:` in both"
        for sink in settings.config.sinks
        for tenant in sink.tenants or ()
        if tenant not in known
    ]


def _unwatched(settings: "Settings | FleetSettings", knowledge: app.Knowledge) -> list[str]:
    """Return a line for what a policy asks for and a fleet does not look for."""
    from monitor.fleet.recording.plan import fleet_asked  # noqa: PLC0415
    from monitor.fleet.settings import FleetSettings  # noqa: PLC0415

    asked = knowledge.policy.behaviours if knowledge.policy is not None else None
    if asked is None or not isinstance(settings, FleetSettings):
        return []
    kept = fleet_asked(asked, pseudonyms=settings.config.privacy.pseudonyms.enabled)
    lost = [name for name in asked._fields if getattr(asked, name) != getattr(kept, name)]
    return [f"behaviours: warning: {name} is not looked for in a fleet" for name in lost]


def _watched(settings: "Settings | FleetSettings") -> str:
    """Say where packets come from."""
    from monitor.fleet.settings import FleetSettings  # noqa: PLC0415

    if isinstance(settings, FleetSettings):
        return f"fleet {settings.config.fleet}, topic {settings.config.topics.observations}"
    names = settings.config.capture.interfaces
    where = f"interface{'s' if len(names) > 1 else ''} {', '.join(names)}"
    return where if settings.watch is None else f"folder {settings.watch}"


def _lines(knowledge: app.Knowledge, results: Sequence[TestResult]) -> Iterator[str]:
    """Say what was read, and what the policy's tests came to."""
    endpoints = plural(len(knowledge.catalog.endpoints), "endpoint")
    yield f"catalogue {knowledge.catalog.version}: {endpoints}, ok"
    for dataset in knowledge.datasets:
        yield f"data set {dataset}"
    failed = [result.line for result in results if not result.passed]
    yield from failed
    if knowledge.policy is not None:
        rules = plural(len(knowledge.policy.rules), "rule")
        tests = f"{len(results) - len(failed)} of {plural(len(results), 'test')} passed"
        warnings = plural(len(knowledge.warnings), "warning")
        yield f"policy {knowledge.policy.version}: {rules}, {tests}, {warnings}{'' if failed else ', ok'}"
