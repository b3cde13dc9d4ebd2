"""`residency catalog`: what is known of LLM providers and their endpoints."""

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from monitor import app
from monitor.catalog import Catalog
from monitor.catalog.endpoints import Concealer, Endpoint, Provider
from monitor.commands.base import Failure, catalog_option, clear_errors
from monitor.concealing import Concealing
from monitor.exitstatus import Exit
from monitor.wording import describe_place, fact


@click.group("catalog")
def command() -> None:
    """Show the LLM providers and endpoints that are known.

    \b
    Examples:
      residency catalog list
      residency catalog list mistral
      residency catalog show bedrock-runtime.eu-central-1.amazonaws.com
    """


@command.command("list")
@click.argument("provider", required=False)
@catalog_option
@click.option("--concealing", is_flag=True, help="What hides others instead: encrypted DNS, VPNs, relays.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(provider: str | None, catalogs: Sequence[Path], concealing: bool, as_json: bool) -> None:
    """List the providers, or the endpoints of one PROVIDER.

    \b
    Examples:
      residency catalog list
      residency catalog list mistral
      residency catalog list --concealing
    """
    catalog = _load(catalogs)
    if concealing:
        _list_concealers(catalog, as_json=as_json)
        return
    if provider is None:
        _list_providers(catalog, as_json=as_json)
        return
    if provider not in catalog.providers:
        known = ", ".join(sorted(catalog.providers))
        raise Failure(f"unknown provider {provider!r}; known: {known}", Exit.USAGE)
    for endpoint in sorted(catalog.endpoints, key=lambda endpoint: endpoint.match):
        if endpoint.provider == provider:
            click.echo(msgspec.json.encode(endpoint) if as_json else _line(endpoint))


@command.command("show")
@click.argument("key", metavar="HOST|ADDRESS|PROVIDER")
@catalog_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def show(key: str, catalogs: Sequence[Path], as_json: bool) -> None:
    """Show a provider, or the entry that a host or an address would get, with its source.

    \b
    Examples:
      residency catalog show bedrock-runtime.eu-central-1.amazonaws.com
      residency catalog show 160.79.104.10
      residency catalog show openai --json
    """
    catalog = _load(catalogs)
    found: Provider | Endpoint | Concealer | None = (
        catalog.providers.get(key)
        or catalog.match_name(key)
        or catalog.match_address(key)
        or Concealing(catalog.concealers).find(key)
    )
    if found is None:
        mend = "`residency catalog list` names the providers"
        raise Failure(f"{key!r} is no provider, host or address that the catalogue knows; {mend}", Exit.USAGE)
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    for name, value in msgspec.structs.asdict(found).items():
        if value not in (None, (), False):
            text = ", ".join(value) if isinstance(value, tuple) else str(value)
            click.echo(fact(name, text))


def _list_providers(catalog: Catalog, *, as_json: bool) -> None:
    counts: dict[str, int] = {}
    for endpoint in catalog.endpoints:
        if endpoint.provider is not None:
            counts[endpoint.provider] = counts.get(endpoint.provider, 0) + 1
    for provider in sorted(catalog.providers.values(), key=lambda provider: provider.id):
        if as_json:
            click.echo(msgspec.json.encode(provider))
            continue
        country, count = provider.operator_country or "--", counts.get(provider.id, 0)
        click.echo(f"{provider.id:<18} {country}  {count:>5}  {provider.name}")


def _list_concealers(catalog: Catalog, *, as_json: bool) -> None:
    for each in sorted(catalog.concealers, key=lambda each: (each.kind, each.service, each.match)):
        line = f"{each.kind:<9} {each.match:<40} {each.service}"
        click.echo(msgspec.json.encode(each) if as_json else line)


def _line(endpoint: Endpoint) -> str:
    place = describe_place(endpoint.scope, endpoint.region, endpoint.countries)
    return f"{endpoint.match}\n{fact(endpoint.scope, f'{endpoint.service}: {place}')}"


def _load(catalogs: Sequence[Path]) -> Catalog:
    with clear_errors():
        return app.load_knowledge(catalogs=catalogs).catalog
