"""The order of the built-in catalogue: what stands where, and that every entry has something to say."""

import importlib.resources
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from typing import Any

import pytest
import yaml

from monitor.catalog.endpoints import Endpoint
from monitor.catalog.hostmatch import HostPattern
from tests.catalog_help import built_in

FILES = sorted(
    (importlib.resources.files("monitor") / "data" / "catalog").iterdir(), key=lambda file: file.name
)
MAX_LINES = 400
ANY = "0-any-0"  # a label in a pattern's star


def name(file: Traversable) -> str:
    return file.name


def read(file: Traversable) -> dict[str, Any]:
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def provider(entry: dict[str, Any], content: dict[str, Any]) -> str:
    found = entry.get("provider", content["defaults"].get("provider", ""))
    assert isinstance(found, str)
    return found


@pytest.mark.parametrize("file", FILES, ids=name)
def test_a_file_is_short_and_says_what_it_holds(file: Traversable) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert len(lines) < MAX_LINES
    assert max(map(len, lines)) <= 122


@pytest.mark.parametrize("file", FILES, ids=name)
def test_providers_and_their_entries_stand_in_alphabetical_order(file: Traversable) -> None:
    content = read(file)
    providers = [each["id"] for each in content.get("providers", [])]
    assert providers == sorted(providers)
    entries = [provider(entry, content) for entry in content.get("endpoints", [])]
    assert entries == sorted(entries)


@pytest.mark.parametrize("file", FILES, ids=name)
def test_the_hosts_of_an_entry_stand_in_alphabetical_order(file: Traversable) -> None:
    for entry in read(file).get("endpoints", []):
        host = entry.get("host")
        if isinstance(host, list):
            assert host == sorted(host)
            assert len(host) > 1


def test_a_provider_is_declared_where_its_entries_are() -> None:
    """So that a newcomer finds a provider in one file; close calls are about no provider."""
    declared = {each["id"]: file.name for file in FILES for each in read(file).get("providers", [])}
    elsewhere = {
        (endpoint.match, endpoint.declared_in)
        for endpoint in built_in().endpoints
        if endpoint.provider is not None and declared[endpoint.provider] != endpoint.declared_in
    }
    assert elsewhere == set()


def test_no_entry_says_again_what_a_wider_one_says() -> None:
    endpoints = [endpoint for endpoint in built_in().endpoints if not endpoint.is_range]
    patterns: dict[str, list[HostPattern[Endpoint]]] = {}
    for endpoint in endpoints:
        if "*" in endpoint.match:
            pattern = HostPattern(endpoint.match, endpoint)
            patterns.setdefault(pattern.suffix, []).append(pattern)
    redundant = []
    for endpoint in endpoints:
        wider = max(fitting(endpoint.match, patterns), key=lambda pattern: pattern.rank, default=None)
        if wider is not None and meaning(wider.value) == meaning(endpoint):
            redundant.append((endpoint.match, wider.text))
    assert redundant == []


def fitting(match: str, patterns: dict[str, list[HostPattern[Endpoint]]]) -> Iterator[HostPattern[Endpoint]]:
    """Yield the other patterns that fit a name, or all names of a pattern."""
    labels = match.replace("*", ANY).split(".")
    for index in range(1, len(labels)):
        for pattern in patterns.get(".".join(labels[index:]), ()):
            if pattern.text != match and pattern.matches(labels[:index]):
                yield pattern


def meaning(endpoint: Endpoint) -> tuple[object, ...]:
    """Return what an entry says of its hosts; who said so, and when, is beside the point."""
    return (
        endpoint.provider,
        endpoint.service,
        endpoint.scope,
        endpoint.region,
        endpoint.countries,
        endpoint.possible,
        endpoint.not_llm,
        endpoint.cname_only,
        endpoint.address,
        endpoint.role,
        endpoint.verified,
    )
