"""`residency catalog list`: providers, or the entries that fit what was asked for."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import msgspec

from monitor.catalog import Catalog, Endpoint
from monitor.commands.base import catalog_option
from monitor.commands.catalog.shared import (
    ROLES,
    SCOPES,
    complete_provider,
    complete_region,
    complete_service,
    json_option,
    known,
    load,
    place,
)
from monitor.commands.edge import reader_may_leave, say
from monitor.commands.terminal import columns_of, echo, json_line, printable, width
from monitor.load import load_jurisdictions

UNVERIFIED = ("third-party", "outdated", "none")  # not the provider's own words


class Wanted(msgspec.Struct, frozen=True):
    """Which entries to list; null is any."""

    provider: str | None = None
    service: str | None = None
    scope: str | None = None
    region: str | None = None
    country: str | None = None
    role: str | None = None
    possible: bool = False
    unverified: bool = False

    def fits(self, endpoint: Endpoint) -> bool:
        """Whether an entry is to be listed."""
        pairs = (
            (self.provider, endpoint.provider),
            (self.scope, endpoint.scope),
            (self.region, endpoint.region),
            (self.role, endpoint.role),
        )
        return (
            all(wanted in (None, given) for wanted, given in pairs)
            and (self.service is None or self.service.lower() in (endpoint.service or "").lower())
            and (self.country is None or self.country in endpoint.countries)
            and (endpoint.possible or not self.possible)
            and (endpoint.verified in UNVERIFIED or not self.unverified)
        )


@click.command("list")
@click.argument("name", metavar="[PROVIDER]", required=False, shell_complete=complete_provider)
@click.option("--provider", metavar="P", shell_complete=complete_provider, help="Only this provider's.")
@click.option("--service", metavar="S", shell_complete=complete_service, help="Whose service's name has S.")
@click.option("--scope", type=click.Choice(SCOPES), help="What reaching it means for the place.")
@click.option("--region", metavar="R", shell_complete=complete_region, help="Of this region's code.")
@click.option("--country", metavar="C", help="That may be in this country (ISO 3166-1).")
@click.option("--role", type=click.Choice(ROLES), help="What the host serves.")
@click.option("--possible", is_flag=True, help="Hosts that mix LLM and other traffic.")
@click.option("--unverified", is_flag=True, help="Not the provider's own words: other sources, or none.")
@click.option("--concealing", is_flag=True, help="What hides others instead: encrypted DNS, VPNs, relays.")
@catalog_option
@json_option
def command(
    name: str | None,
    provider: str | None,
    service: str | None,
    scope: str | None,
    region: str | None,
    country: str | None,
    role: str | None,
    possible: bool,
    unverified: bool,
    concealing: bool,
    catalogs: Sequence[Path],
    as_json: bool,
) -> None:
    """List the providers, or the entries that all options fit.

    \b
    Examples:
      residency catalog list
      residency catalog list mistral
      residency catalog list --country DE --scope region
      residency catalog list --provider azure --possible --json
      residency catalog list --concealing
    """
    if name and provider and name != provider:
        raise click.UsageError("two providers; list them one after the other")
    wanted = Wanted(name or provider, service, scope, region, country, role, possible, unverified)
    if concealing and wanted != Wanted():
        raise click.UsageError("--concealing lists what is no endpoint, and goes with --json and --catalog")
    catalog = load(catalogs)
    wanted = _checked(wanted, catalog)
    with reader_may_leave():
        if concealing:
            _print_concealers(catalog, as_json=as_json)
        elif wanted == Wanted():
            _print_providers(catalog, as_json=as_json)
        else:
            _print_endpoints([each for each in catalog.endpoints if wanted.fits(each)], as_json=as_json)


def _checked(wanted: Wanted, catalog: Catalog) -> Wanted:
    """Return what was asked for with names as the catalogue has them; ends the command at an unknown one."""
    provider, region, country = wanted.provider, wanted.region, wanted.country
    if provider is not None:
        provider = known(provider, sorted(catalog.providers), "provider")
    if region is not None:
        region = known(region, sorted({each.region for each in catalog.endpoints if each.region}), "region")
    if country is not None:
        country = known(country, sorted(load_jurisdictions().countries), "country")
    return msgspec.structs.replace(wanted, provider=provider, region=region, country=country)


def _print_providers(catalog: Catalog, *, as_json: bool) -> None:
    counts = Counter(endpoint.provider for endpoint in catalog.endpoints)
    providers = sorted(catalog.providers.values(), key=lambda provider: provider.id)
    if as_json:
        echo(json_line(provider) for provider in providers)
        return
    rows = [
        (each.id, each.operator_country or "--", f"{counts[each.id]:>5}", printable(each.name))
        for each in providers
    ]
    echo(columns_of([("PROVIDER", "IN", "ENTRY", "NAME"), *rows], width()))


def _print_endpoints(endpoints: Sequence[Endpoint], *, as_json: bool) -> None:
    ordered = sorted(endpoints, key=lambda each: (each.provider or "", each.match))
    if as_json:
        echo(json_line(each) for each in ordered)
        return
    if ordered:
        echo(columns_of([("ENTRY", "SCOPE", "PLACE", "SERVICE"), *_rows(ordered)], width()))
    say(f"residency: {len(ordered):,} {'entry' if len(ordered) == 1 else 'entries'}")


def _rows(endpoints: Sequence[Endpoint]) -> Iterator[tuple[str, str, str, str]]:
    several = len({each.provider for each in endpoints}) > 1
    for each in endpoints:
        service = each.service or "-"
        if several:
            service = f"{each.provider or '-'}: {service}"
        if each.possible:
            service = f"{service} (possible)"
        yield each.match, each.scope, printable(place(each)), printable(service)


def _print_concealers(catalog: Catalog, *, as_json: bool) -> None:
    ordered = sorted(catalog.concealers, key=lambda each: (each.kind, each.service, each.match))
    if as_json:
        echo(json_line(each) for each in ordered)
        return
    rows = [(each.match, each.kind, printable(each.service)) for each in ordered]
    echo(columns_of([("ENTRY", "KIND", "SERVICE"), *rows], width()))
