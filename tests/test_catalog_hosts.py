"""Host names of our own choosing: what the built-in catalogue says of those it should know, and of others.

`data/provider_hosts.csv` was thought up by hand, not taken from the catalogue: both can be wrong. Its
``countries`` are ISO 3166-1 codes or sets of countries. Of `data/ordinary_hosts.txt`, none is
an LLM's, nor possibly one.
"""

import csv
import functools
from pathlib import Path

import pytest

from monitor.attribution import is_llm_related
from tests.catalog_help import attributed, built_in, load_jurisdictions

DATA = Path(__file__).parent / "data"


@functools.cache
def provider_rows() -> list[dict[str, str]]:
    with (DATA / "provider_hosts.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@functools.cache
def ordinary_hosts() -> list[str]:
    lines = (DATA / "ordinary_hosts.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_the_lists_are_long_and_repeat_nothing() -> None:
    hosts = [row["host"] for row in provider_rows()]
    assert len(hosts) >= 500
    assert len(ordinary_hosts()) >= 5_000
    every = [*hosts, *ordinary_hosts()]
    assert len(every) == len(set(every))


@pytest.mark.parametrize("row", provider_rows(), ids=lambda row: row["host"])
def test_a_providers_host_has_its_provider_scope_and_place(row: dict[str, str]) -> None:
    endpoint = built_in().match_name(row["host"])
    assert endpoint is not None
    places = load_jurisdictions().members(row["countries"]) if row["countries"] else ()
    expected = (row["provider"], row["scope"], row["region"], tuple(sorted(places)), bool(row["possible"]))
    found = (endpoint.provider, endpoint.scope, endpoint.region or "", endpoint.countries, endpoint.possible)
    assert found == expected


@pytest.mark.parametrize("row", provider_rows(), ids=lambda row: row["host"])
def test_a_shared_host_is_attributed_to_nobody(row: dict[str, str]) -> None:
    found = attributed(row["host"])
    named, possible = (None, (row["provider"],)) if row["possible"] else (row["provider"], ())
    assert (found.provider, found.possible) == (named, possible)


def test_ordinary_hosts_are_no_llm_endpoints_nor_possibly_one() -> None:
    wrong = [
        (host, built_in().match_name(host)) for host in ordinary_hosts() if is_llm_related(attributed(host))
    ]
    assert wrong == []
