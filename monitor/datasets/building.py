"""Builds the one look-up of all published ranges, an MMDB, from the files as they were published."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator

from monitor.datasets.parsers import PARSERS, Parser
from monitor.datasets.resolve import Statement, resolve
from monitor.datasets.rows import IPV4_BITS, Prefix, RefusedError, Row
from monitor.datasets.store import Chosen, Store
from monitor.datasets.tree import Record, database
from monitor.files import InputError

KIND = "Residency-Published-Ranges"


def compile_ranges(store: Store, chosen: tuple[Chosen, ...]) -> bytes:
    """The database of these versions. Raises InputError."""
    files: dict[str, list[tuple[str, tuple[Row, ...]]]] = defaultdict(list)
    for each in chosen:
        rows = _rows(store, each, PARSERS[each.source.id])
        files[each.source.vendor].append((each.version.dataset, rows))
    statements = [
        (prefix, vendor, statement)
        for vendor, parts in files.items()
        for prefix, statement in resolve(parts).items()
    ]
    statements.reverse()  # of two vendors with one prefix the first is written last, and stays
    statements.sort(key=lambda item: item[0].length)
    newest = max(each.version.date for each in chosen)
    built = int(dt.datetime.combine(newest, dt.time(), dt.UTC).timestamp())
    about = ", ".join(each.line() for each in chosen)
    return database(_records(statements), KIND, about, built)


def _rows(store: Store, each: Chosen, parse: Parser) -> tuple[Row, ...]:
    try:
        return parse(store.content(each.version)).rows
    except RefusedError as error:
        raise InputError(str(each.path), error.problem, "import the file again") from None


def _records(statements: list[tuple[Prefix, str, Statement]]) -> Iterator[tuple[Prefix, Record]]:
    for prefix, vendor, said in statements:
        ipv4 = prefix.length >= IPV4_BITS and prefix.first >> 32 == 0
        record: dict[str, str | int | bool] = {
            "provider": vendor,
            "length": prefix.length - IPV4_BITS if ipv4 else prefix.length,
            "anycast": said.anycast,
            "dataset": said.dataset,
        }
        if said.region is not None:
            record["region"] = said.region
        if said.service is not None:
            record["service"] = said.service
        yield prefix, record
