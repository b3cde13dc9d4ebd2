"""Tables of what could be seen, by whom, of what, and with what it was judged. Pure."""

from collections.abc import Iterator

from monitor.counts import FlowCount
from monitor.report.files.table import Column, Table, counted, numbered, table
from monitor.report.types import Facts, GroupSeen, Input, Loaded, SensorSeen
from monitor.wording import moment

_Class = tuple[str, str | None, FlowCount]  # the class, its part, and how much was in it
_Numbered = tuple[int, Input]


def coverage(facts: Facts) -> Table:
    """Return all connections by coverage class, and what is counted within classes."""
    columns: tuple[Column[_Class], ...] = (
        Column("class", "text", lambda row: row[0]),
        Column("part", "text", lambda row: row[1]),
        *counted(lambda row: row[2]),
    )
    says = "All connections, LLM-related or not, by coverage class; rows with a part are parts of others."
    return table("coverage", says, columns, _classes(facts))


def _classes(facts: Facts) -> Iterator[_Class]:
    seen = facts.seen
    yield "all", None, seen.connections
    yield "named", "of all", seen.named
    for name, count in seen.coverage.items():
        yield name, None, count
    for kind, count in seen.concealing.items():
        yield "concealing", kind, count
    yield "ECH offered", "in whatever class", seen.ech_offered
    yield "no name, where LLM endpoints are hosted", "in whatever class", seen.address_hosting
    yield "LLM-related", "in whatever class", facts.related


def groups(facts: Facts) -> Table:
    """Return how much of each source group's traffic could be named."""
    columns: tuple[Column[GroupSeen], ...] = (
        Column("tenant", "text", lambda row: row.tenant),
        Column("source_group", "text", lambda row: row.source_group),
        *counted(lambda row: row.connections),
        *counted(lambda row: row.named, "named_"),
    )
    says = "Connections by source group, and those that could be named; without a group: nobody's clients."
    return table("groups", says, columns, facts.seen.groups)


def sensors(facts: Facts) -> Table:
    """Return what each sensor, or replay, read and lost, and when nobody looked."""
    columns: tuple[Column[SensorSeen], ...] = (
        Column("sensor", "text", lambda row: row.name),
        Column("input", "count", lambda row: row.input),
        Column("first_packet", "time", lambda row: row.first_ns),
        Column("last_packet", "time", lambda row: row.last_ns),
        Column("packets", "count", lambda row: row.packets),
        Column("lost_packets", "count", lambda row: sum(each.packets for each in row.lost.values())),
        Column("lost", "list", lambda row: numbered({name: each.packets for name, each in row.lost.items()})),
        Column("watched_seconds", "count", _watched_seconds),
        Column("unseen", "list", _unseen),
        Column("blind", "list", lambda row: row.blind),
    )
    says = "What each sensor, or replay, read and lost; unseen are stretches of time that nobody watched."
    return table("sensors", says, columns, facts.seen.sensors)


def _watched_seconds(row: SensorSeen) -> int | None:
    return row.watched_ns // 1_000_000_000 if row.watched_ns is not None else None


def _unseen(row: SensorSeen) -> tuple[str, ...]:
    return tuple(f"{moment(since)} to {moment(until)} UTC" for since, until in row.unseen)


def inputs(facts: Facts) -> Table:
    """Return what was read."""
    columns: tuple[Column[_Numbered], ...] = (
        Column("input", "count", lambda row: row[0]),
        Column("kind", "text", lambda row: row[1].kind),
        Column("name", "text", lambda row: row[1].name),
        Column("tenant", "text", lambda row: row[1].tenant),
        Column("decisions", "count", lambda row: row[1].decisions),
        Column("sha256", "text", lambda row: row[1].sha256),
        Column("origin", "text", lambda row: row[1].checkpoint.origin if row[1].checkpoint else None),
        Column("size", "count", lambda row: row[1].checkpoint.size if row[1].checkpoint else None),
        Column("root", "text", lambda row: row[1].checkpoint.root if row[1].checkpoint else None),
        Column("key", "text", lambda row: row[1].checkpoint.key if row[1].checkpoint else None),
        Column("captures", "list", lambda row: row[1].captures),
        Column("problems", "list", lambda row: numbered(row[1].problems)),
        Column("erased", "list", lambda row: numbered(row[1].erased)),
    )
    says = (
        "What was read: files with their SHA-256, ledgers with their checkpoint; other tables count from 0."
    )
    return table("inputs", says, columns, enumerate(facts.inputs))


def versions(facts: Facts) -> Table:
    """Return what decisions were made with, and from when on."""
    hashes = {each.version: each.sha256 for each in facts.policies}
    columns: tuple[Column[Loaded], ...] = (
        Column("input", "count", lambda row: row.input),
        Column("at", "time", lambda row: row.at_ns),
        Column("tool", "text", lambda row: row.tool),
        Column("catalogue", "text", lambda row: row.catalogue),
        Column("policy", "text", lambda row: row.policy),
        Column("policy_sha256", "text", lambda row: hashes.get(row.policy or "")),
        Column("datasets", "list", lambda row: row.datasets),
    )
    says = "What decisions were made with, and from when on; without a time: from the beginning."
    return table("versions", says, columns, facts.loaded)
