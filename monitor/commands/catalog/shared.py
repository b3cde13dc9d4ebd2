"""What the commands of the catalogue share: loading, completion of values, and words for places."""

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

import click

from monitor import app
from monitor.catalog import Catalog, Endpoint
from monitor.catalog.endpoints import Role
from monitor.commands.base import Failure, clear_errors
from monitor.documents import DocumentError
from monitor.exitstatus import Exit
from monitor.load import InputError
from monitor.types import Scope
from monitor.wording import describe_place

SCOPES: tuple[str, ...] = get_args(Scope)
ROLES: tuple[str, ...] = get_args(Role)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


def load(catalogs: Sequence[Path]) -> Catalog:
    """Return the catalogue, or end the command."""
    with clear_errors():
        return app.load_knowledge(catalogs=catalogs).catalog


_MENDS = {
    "provider": "`residency catalog list` names them",
    "region": "`residency catalog search CITY` finds those of a city",
    "country": "write its ISO 3166-1 code, such as DE",
}


def known(word: str, words: Sequence[str], what: Literal["provider", "region", "country"]) -> str:
    """Return a word that is known, in any case; or end the command and say what was meant."""
    found = {each.lower(): each for each in words}.get(word.lower())
    if found is not None:
        return found
    close = difflib.get_close_matches(word[:100], words, 3)
    mend = f"did you mean {' or '.join(close)}?" if close else _MENDS[what]
    raise Failure(f"unknown {what} {word!r}; {mend}", Exit.USAGE)


def place(endpoint: Endpoint) -> str:
    """Return where an endpoint is, in a word or two."""
    countries = ",".join(endpoint.countries[:3])
    if len(endpoint.countries) > 3:
        countries = f"{len(endpoint.countries)} countries"
    return " ".join(part for part in (endpoint.region, countries) if part) or "-"


def where(endpoint: Endpoint) -> str:
    """Return where an endpoint is, in words."""
    return describe_place(endpoint.scope, endpoint.region, endpoint.countries)


def complete_provider(context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """Return the providers that begin so."""
    return [each for each in _providers(context) if each.startswith(typed)]


def complete_region(context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """Return the regions that begin so."""
    regions = {each.region for each in _endpoints(context) if each.region}
    return sorted(each for each in regions if each.startswith(typed))


def complete_service(context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """Return the services that begin so."""
    typed = typed.lower()
    services = {each.service for each in _endpoints(context) if each.service}
    return sorted(each for each in services if each.lower().startswith(typed))


def complete_key(context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """Return the providers and entries that begin so."""
    matches = {each.match for each in _endpoints(context)} if typed else set()
    return [each for each in [*_providers(context), *sorted(matches)] if each.startswith(typed)]


def _providers(context: click.Context) -> list[str]:
    catalog = _catalog(context)
    return sorted(catalog.providers) if catalog is not None else []


def _endpoints(context: click.Context) -> Iterator[Endpoint]:
    catalog = _catalog(context)
    yield from catalog.endpoints if catalog is not None else ()


def _catalog(context: click.Context) -> Catalog | None:
    """The catalogue that the line so far asks for; none where it cannot be read: a shell gets no message."""
    try:
        return app.load_knowledge(catalogs=context.params.get("catalogs") or ()).catalog
    except (DocumentError, InputError):
        return None
