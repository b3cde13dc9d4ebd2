"""`residency catalog show`: all that is known of one provider, or of one entry."""

import difflib
import ipaddress
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from monitor.catalog import Catalog, Concealer, Endpoint, Provider
from monitor.commands.base import Failure, catalog_option
from monitor.commands.catalog.shared import complete_key, json_option, load, where
from monitor.commands.edge import reader_may_leave
from monitor.commands.terminal import columns_of, echo, json_line, labelled, printable, width
from monitor.concealing import Concealing
from monitor.exitstatus import Exit
from monitor.explain import read_input
from monitor.nearest import Nearest
from monitor.wording import listed

Item = Provider | Endpoint | Concealer
_FLAGS = {
    "possible": "mixes LLM and other traffic, so that no connection is attributed by it alone",
    "not_llm": "a close call, which is no LLM endpoint",
    "cname_only": "a step of CNAME chains, for which connections do not ask",
}


@click.command("show")
@click.argument("key", metavar="HOST|PROVIDER|PREFIX", shell_complete=complete_key)
@catalog_option
@json_option
def command(key: str, catalogs: Sequence[Path], as_json: bool) -> None:
    """Show a provider with its services, or the entry of a host, pattern, address or prefix.

    An entry is shown with its source and date, its region's city, its operator's country, and the file that
    declares it. A host gets the entry that would win for it.

    \b
    Examples:
      residency catalog show bedrock-runtime.eu-central-1.amazonaws.com
      residency catalog show 160.79.104.10
      residency catalog show '*.openai.azure.com'
      residency catalog show openai --json
    """
    catalog = load(catalogs)
    item = _find(key, catalog)
    if item is None:
        raise Failure(_unknown(key, catalog), Exit.USAGE)
    with reader_may_leave():
        echo([json_line(_as_json(item, catalog))] if as_json else _lines(item, catalog, width()))


def _find(key: str, catalog: Catalog) -> Item | None:
    """The provider, or the entry written so, or the one that a host or an address would get."""
    provider = catalog.providers.get(key) or catalog.providers.get(key.lower())
    if provider is not None:
        return provider
    written = _canonical(key)
    entries: Iterator[Endpoint | Concealer] = iter((*catalog.endpoints, *catalog.concealers))
    exact = next((each for each in entries if each.match == written), None)
    if exact is not None or "*" in key:
        return exact
    name, address = read_input(key)
    concealing = Concealing(catalog.concealers)
    if "/" in written:
        return _around(written, catalog)
    if address is not None:
        return catalog.match_address(address) or concealing.find(address)
    return (catalog.match_name(name) or concealing.find(name)) if name is not None else None


def _canonical(key: str) -> str:
    """A prefix, a host or a pattern in the form that entries have."""
    text = key.strip().lower().removesuffix(".")
    try:
        return str(ipaddress.ip_network(text, strict=False)) if "/" in text else text
    except ValueError:
        return text.partition("://")[2].partition("/")[0] or text.partition("/")[0]


def _around(prefix: str, catalog: Catalog) -> Endpoint | None:
    """The narrowest range that holds all of a prefix."""
    network = ipaddress.ip_network(prefix)
    first, last = catalog.match_address(str(network[0])), catalog.match_address(str(network[-1]))
    return first if first is not None and first is last else None


def _unknown(key: str, catalog: Catalog) -> str:
    close: Sequence[str]
    if "." in key:
        close = Nearest(each.match for each in catalog.endpoints if not each.is_range).find(key.lower())
    else:
        close = difflib.get_close_matches(key[:100].lower(), list(catalog.providers), 2)
    mend = f"did you mean {listed(close, 'or')}?" if close else "`residency catalog list` names the providers"
    return f"{key!r} is no provider, host or address that the catalogue knows; {mend}"


def _as_json(item: Item, catalog: Catalog) -> dict[str, Any]:
    """The item's fields, then what belongs to it."""
    value = msgspec.structs.asdict(item)
    if isinstance(item, Endpoint):
        value["place"] = catalog.region(item.vendor or "", item.region or "")
        value["operator"] = catalog.providers.get(item.provider or "")
    elif isinstance(item, Provider):
        value["endpoints"] = sum(count for _, _, count in _services(item, catalog))
        value["services"] = [
            {"service": service, "scope": scope, "endpoints": count}
            for service, scope, count in _services(item, catalog)
        ]
    return value


def _lines(item: Item, catalog: Catalog, columns: int) -> Iterator[str]:
    yield click.style(item.id if isinstance(item, Provider) else item.match, bold=True)
    if isinstance(item, Provider):
        yield from _of_provider(item, catalog, columns)
        return
    facts = _of_endpoint(item, catalog) if isinstance(item, Endpoint) else _of_concealer(item)
    for label, value in facts:
        if value:
            yield labelled(label, value, columns)


def _of_provider(provider: Provider, catalog: Catalog, columns: int) -> Iterator[str]:
    yield labelled("name", provider.name, columns)
    yield labelled(
        "operator", f"sits in {provider.operator_country or 'a country that is not known'}", columns
    )
    services = _services(provider, catalog)
    yield labelled("entries", f"{sum(count for _, _, count in services):,}", columns)
    rows = [(printable(service), scope, f"{count:>5}") for service, scope, count in services]
    yield from (f"  {line}" for line in columns_of([("SERVICE", "SCOPE", "ENTRY"), *rows], columns - 2))


def _services(provider: Provider, catalog: Catalog) -> list[tuple[str, str, int]]:
    """The services of a provider, by scope, with how many entries each has."""
    own = (each for each in catalog.endpoints if each.provider == provider.id)
    counts = Counter((each.service or "-", each.scope) for each in own)
    return [(service, scope, count) for (service, scope), count in sorted(counts.items())]


def _of_endpoint(endpoint: Endpoint, catalog: Catalog) -> Iterator[tuple[str, str | None]]:
    provider = catalog.providers.get(endpoint.provider or "")
    yield "provider", f"{provider.id} ({provider.name})" if provider else None
    yield (
        "operator",
        f"sits in {provider.operator_country}" if provider and provider.operator_country else None,
    )
    yield "service", endpoint.service
    yield "where", f"{endpoint.scope}: {where(endpoint)}"
    yield "place", _place(endpoint, catalog)
    yield "countries", ", ".join(endpoint.countries)
    yield "role", endpoint.role
    yield "address", endpoint.address
    yield "hides", ", ".join(endpoint.behind)
    for field, words in _FLAGS.items():
        yield "caution", words if getattr(endpoint, field) else None
    yield "note", endpoint.note
    yield from _origin(endpoint)


def _place(endpoint: Endpoint, catalog: Catalog) -> str | None:
    region = catalog.region(endpoint.vendor or "", endpoint.region or "")
    if region is None:
        return None
    degrees = f" ({region.latitude}, {region.longitude}, approximate)" if region.latitude is not None else ""
    named = f"{region.city}, {region.country}" if region.city else region.country
    return f"{region.vendor} {region.code}, {region.kind}: {named}{degrees}; source: {region.source}"


def _of_concealer(concealer: Concealer) -> Iterator[tuple[str, str | None]]:
    yield "conceals", f"{concealer.kind}: what goes through it cannot be told, and may be for an LLM"
    yield "service", concealer.service
    yield "note", concealer.note
    yield from _origin(concealer)


def _origin(item: Endpoint | Concealer) -> Iterator[tuple[str, str | None]]:
    yield "source", f"{item.source}, {item.date}"
    yield "verified", item.verified
    yield "declared in", f"{item.declared_in} ({'yours' if item.declared_by_user else 'built in'})"
