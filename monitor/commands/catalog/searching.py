"""`residency catalog search`: entries by words of their name, provider, service, place or note."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import msgspec

from monitor.catalog import Concealer, Endpoint, Provider
from monitor.catalog.search import Found, Item, search
from monitor.commands.base import catalog_option
from monitor.commands.catalog.shared import json_option, load, where
from monitor.commands.edge import reader_may_leave, say
from monitor.commands.terminal import echo, json_line, labelled, width

MAX_LIMIT = 1_000


@click.command("search")
@click.argument("words", nargs=-1, required=True, metavar="WORDS...")
@click.option(
    "--limit",
    type=click.IntRange(1, MAX_LIMIT),
    default=20,
    show_default=True,
    metavar="N",
    help="Show at most.",
)
@catalog_option
@json_option
def command(words: Sequence[str], limit: int, catalogs: Sequence[Path], as_json: bool) -> None:
    """Search providers, hosts, services, places and notes.

    An item is found where it holds every word, in any case. A whole name counts more than a part of one, a
    host or a provider more than a note.

    \b
    Examples:
      residency catalog search bedrock frankfurt
      residency catalog search vpn
      residency catalog search claude --json --limit 100
    """
    found = search(load(catalogs), [part for word in words for part in word.split()], limit)
    with reader_may_leave():
        if as_json:
            echo(
                json_line({"type": _type(hit.item), "score": hit.score, **_fields(hit.item)})
                for hit in found.hits
            )
        else:
            columns = width()
            echo(line for hit in found.hits for line in _lines(hit.item, columns))
    _close(found)


def _close(found: Found) -> None:
    more = found.total - len(found.hits)
    if not found.total:
        say("residency: nothing found; every word has to fit, so try fewer, or parts of them")
    elif more:
        say(f"residency: {more:,} more; add a word, or --limit {min(found.total, MAX_LIMIT)}")


def _type(item: Item) -> str:
    return type(item).__name__.lower()


def _fields(item: Item) -> dict[str, object]:
    return msgspec.structs.asdict(item)


def _lines(item: Item, columns: int) -> Iterator[str]:
    if isinstance(item, Provider):
        yield click.style(item.id, bold=True)
        yield labelled("provider", f"{item.name}, sits in {item.operator_country or '?'}", columns)
        return
    yield click.style(item.match, bold=True)
    if isinstance(item, Endpoint):
        who = ", ".join(part for part in (item.provider, item.service) if part)
        yield labelled("no LLM" if item.not_llm else "endpoint", who or "-", columns)
        yield labelled("where", where(item), columns)
    elif isinstance(item, Concealer):
        yield labelled("conceals", f"{item.service} ({item.kind})", columns)
    if item.note:
        yield labelled("note", item.note, columns)
