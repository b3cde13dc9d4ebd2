"""Builds the look-up of all published ranges, an MMDB, and their list, from the files as published."""

import datetime as dt
import ipaddress
from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from monitor.datasets.parsers import PARSERS, Parser
from monitor.datasets.resolve import Statement, resolve
from monitor.datasets.rows import IPV4_BITS, Prefix, RefusedError, Row
from monitor.datasets.store import Chosen, Store
from monitor.datasets.tree import Record, database
from monitor.files import InputError

KIND = "Residency-Published-Ranges"


class Built(msgspec.Struct, frozen=True):
    """The database, and the same ranges as CIDR prefixes, joined where they meet."""

    database: bytes
    prefixes: tuple[str, ...]


def compile_ranges(store: Store, chosen: tuple[Chosen, ...]) -> Built:
    """Compile these versions. Raises InputError."""
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
    return Built(
        database=database(_records(statements), KIND, about, built),
        prefixes=_joined([prefix for prefix, _, _ in statements]),
    )


def _joined(prefixes: Sequence[Prefix]) -> tuple[str, ...]:
    ipv4 = [(each.first, each.length - IPV4_BITS) for each in prefixes if _is_ipv4(each)]
    ipv6 = [(each.first, each.length) for each in prefixes if not _is_ipv4(each)]
    return (
        *map(str, ipaddress.collapse_addresses(map(ipaddress.IPv4Network, ipv4))),
        *map(str, ipaddress.collapse_addresses(map(ipaddress.IPv6Network, ipv6))),
    )


def _is_ipv4(prefix: Prefix) -> bool:
    return prefix.length >= IPV4_BITS and prefix.first >> 32 == 0


def _rows(store: Store, each: Chosen, parse: Parser) -> tuple[Row, ...]:
    try:
        return parse(store.content(each.version)).rows
    except RefusedError as error:
        raise InputError(str(each.path), error.problem, "import the file again") from None


def _records(statements: list[tuple[Prefix, str, Statement]]) -> Iterator[tuple[Prefix, Record]]:
    for prefix, vendor, said in statements:
        record: dict[str, str | int | bool] = {
            "provider": vendor,
            "length": prefix.length - IPV4_BITS if _is_ipv4(prefix) else prefix.length,
            "anycast": said.anycast,
            "dataset": said.dataset,
        }
        if said.region is not None:
            record["region"] = said.region
        if said.service is not None:
            record["service"] = said.service
        yield prefix, record
