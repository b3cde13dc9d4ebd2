"""Finds entries by words: every word must stand somewhere in an entry, and where it stands ranks it. Pure."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from monitor.catalog.compiled import Catalog
from monitor.catalog.endpoints import Concealer, Endpoint, Provider

MAX_WORDS = 16
MAX_WORD = 253  # characters: a host name

Item = Provider | Endpoint | Concealer
_WHOLE, _START, _PART = 4, 2, 1  # what a word's place in a text counts


class Hit(msgspec.Struct, frozen=True):
    """An item, and how well it fits: more is better."""

    score: int
    item: Item


class Found(msgspec.Struct, frozen=True):
    """The best hits, and how many there were in all."""

    hits: tuple[Hit, ...]
    total: int


def search(catalog: Catalog, words: Sequence[str], limit: int) -> Found:
    """The providers, endpoints and concealers that hold all words, the best ones first."""
    wanted = [word.lower()[:MAX_WORD] for word in words[:MAX_WORDS] if word]
    total = 0

    def hits() -> Iterator[tuple[int, int, Hit]]:
        nonlocal total
        for order, (item, texts) in enumerate(_items(catalog)):
            score = _score(wanted, texts)
            if score:
                total += 1
                yield score, -order, Hit(score, item)

    best = heapq.nlargest(limit, hits(), key=lambda hit: hit[:2])
    return Found(tuple(hit for _, _, hit in best), total)


def _items(catalog: Catalog) -> Iterator[tuple[Item, Mapping[str, int]]]:
    """Every item with its texts, in lower case, and what each counts."""
    for provider in sorted(catalog.providers.values(), key=lambda each: each.id):
        yield provider, _texts(((provider.id, 30), (provider.name, 20), (provider.operator_country, 2)))
    for endpoint in catalog.endpoints:
        yield endpoint, _texts(_of_endpoint(endpoint, catalog))
    for each in catalog.concealers:
        parts = ((each.match, 10), (each.service, 6), (each.kind, 4), (each.note, 1), (each.source, 1))
        yield each, _texts(parts)


def _of_endpoint(endpoint: Endpoint, catalog: Catalog) -> Iterator[tuple[str | None, int]]:
    yield endpoint.match, 10
    yield endpoint.provider, 8
    yield endpoint.service, 6
    yield endpoint.region, 6
    yield endpoint.scope, 3
    yield endpoint.role, 3
    yield " ".join(endpoint.countries) if len(endpoint.countries) == 1 else None, 3
    provider = catalog.providers.get(endpoint.provider or "")
    yield provider.name if provider else None, 5
    region = catalog.region(endpoint.vendor or "", endpoint.region or "")
    yield region.city if region else None, 4
    yield endpoint.note, 1
    yield endpoint.source, 1


def _texts(parts: Iterable[tuple[str | None, int]]) -> dict[str, int]:
    texts: dict[str, int] = {}
    for text, weight in parts:
        if text:
            texts.setdefault(text.lower(), weight)
    return texts


def _score(words: Sequence[str], texts: Mapping[str, int]) -> int:
    """How well texts hold the words; 0 where one of them is in none."""
    total = 0
    for word in words:
        best = max((weight * _place(word, text) for text, weight in texts.items() if word in text), default=0)
        if not best:
            return 0
        total += best
    return total


def _place(word: str, text: str) -> int:
    if word == text:
        return _WHOLE
    before = text[: text.index(word)]
    return _PART if before[-1:].isalnum() else _START
