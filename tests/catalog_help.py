"""Catalogues for tests: the built-in one, and one with entries of a test's own."""

import functools
import json
from pathlib import Path
from textwrap import dedent
from typing import Any

from click.testing import CliRunner, Result

from monitor.attribution import Location, Question, attribute
from monitor.builtin import built_in_catalog, read_files
from monitor.catalog import Catalog, compile_built_in, compile_catalog
from monitor.cli import group
from monitor.documents import Source
from monitor.jurisdictions import Jurisdictions
from monitor.load import load_catalog
from monitor.load import load_jurisdictions as read_jurisdictions
from monitor.types import Attribution, Evidence, Name, NameSource, NameState

REGIONS = """\
vendor,code,country,city,latitude,longitude,kind,source,verified
aws,eu-central-1,DE,Frankfurt,50.1,8.7,commercial,a source,full
aws,us-east-1,US,Ashburn,39.0,-77.5,commercial,a source,full
alibaba,eu-west-1,GB,London,,,commercial,a source,none
"""
WEST_EUROPE = (
    "westeurope.api.cognitive.microsoft.com",
    "cognitiveweprod.trafficmanager.net",
    "cognitiveweprod.azure-api.net",
    "apimgmttmdjylckcx6clmh2isu2wr38uqzm63s8n4ub2y3e6xs.trafficmanager.net",
    "cognitiveweprod-westeurope-01.regional.azure-api.net",
)


@functools.cache
def load_jurisdictions() -> Jurisdictions:
    """Return the sets of countries that come with the product."""
    return read_jurisdictions()


@functools.cache
def built_in() -> Catalog:
    """Return the catalogue that comes with the product."""
    return load_catalog()


def document(text: str, path: str = "test.yaml") -> Source:
    """Return an indented text as a document."""
    return Source(path, dedent(text))


def compiled(*texts: str, extra: tuple[str, ...] = (), regions: str = REGIONS) -> Catalog:
    """Return the catalogue of these documents, and of a user's ``extra`` ones."""
    sources = [document(text, f"built-in-{index}.yaml") for index, text in enumerate(texts)]
    own = [document(text, f"own-{index}.yaml") for index, text in enumerate(extra)]
    table = Source("regions.csv", regions)
    declared = compile_built_in(sources, table, load_jurisdictions())
    return compile_catalog(declared, [*sources, table], load_jurisdictions(), own)


def with_own(text: str) -> Catalog:
    """Return the built-in catalogue with one file of the user's on top."""
    source = document(text, "own.yaml")
    return _with_own(source)


@functools.cache
def _with_own(source: Source) -> Catalog:
    files = read_files()
    declared = built_in_catalog(files, load_jurisdictions())
    return compile_catalog(declared, [*files.catalog, files.regions], load_jurisdictions(), [source])


class FixedGeo:
    """A GeoIP data set that places every address in one country."""

    def __init__(self, country: str | None, asn: int | None = None) -> None:
        self.asked: list[str] = []
        self._location = Location(country, asn, "fixed (test, 2026-01-01)")

    def locate(self, address: str) -> Location | None:
        """Return the country, whatever the address is."""
        self.asked.append(address)
        return self._location


def name(value: str, *cnames: str, source: NameSource = "sni", state: NameState = "live") -> Name:
    """Return a name of a connection."""
    return Name(value, source, state, cnames)


def dns(value: str, *cnames: str, state: NameState = "live") -> Name:
    """Return a name that the client had resolved."""
    return Name(value, "dns", state, cnames)


def attributed(
    *names: Name | str, address: str | None = None, geo: str | None = None, catalog: Catalog | None = None
) -> Attribution:
    """Return the attribution for names (a text is a server name), and a country that GeoIP gives."""
    question = Question(tuple(name(each) if isinstance(each, str) else each for each in names), address)
    return attribute(question, catalog or built_in(), FixedGeo(geo) if geo else None)


def kinds(evidence: tuple[Evidence, ...]) -> list[str]:
    """Return the kinds of evidence, in order."""
    return [each.kind for each in evidence]


def place(attribution: Attribution) -> tuple[str | None, str, str | None, tuple[str, ...], str]:
    """Return provider, scope, region, countries and certainty."""
    return (
        attribution.provider,
        attribution.scope,
        attribution.region,
        attribution.countries,
        attribution.certainty,
    )


def run_catalog(*arguments: str | Path, stdin: bytes | None = None, columns: int = 80) -> Result:
    runner = CliRunner(env={"COLUMNS": str(columns)})
    return runner.invoke(group, ["catalog", *map(str, arguments)], input=stdin)


def objects(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]
