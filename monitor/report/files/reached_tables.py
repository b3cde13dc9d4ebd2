"""Tables of what was reached: destinations, when, under which exceptions, and what shows together. Pure."""

from collections.abc import Callable
from typing import TypeVar

from monitor.behaviours import Behaviour
from monitor.report.files.table import Column, Table, counted, numbered, table
from monitor.report.people import is_merged
from monitor.report.types import JUDGEMENTS, Bucket, ExceptionUsed, Facts, Judgement
from monitor.tally import Destination
from monitor.wording import describe_place

T = TypeVar("T")


def destinations(facts: Facts) -> Table:
    """Return who reached what, worst outcome first."""
    columns: tuple[Column[Destination], ...] = (
        Column("outcome", "text", lambda row: row.key.outcome),
        Column("rule", "text", lambda row: row.key.rule),
        Column("severity", "text", lambda row: row.key.severity),
        Column("tenant", "text", lambda row: row.key.tenant),
        Column("source_group", "text", lambda row: row.key.source_group),
        Column("provider", "text", lambda row: row.key.provider),
        Column("possible", "list", lambda row: row.key.possible),
        Column("service", "text", lambda row: row.key.service),
        Column("scope", "text", lambda row: row.key.scope),
        Column("region", "text", lambda row: row.key.region),
        Column("countries", "list", lambda row: row.key.countries),
        Column(
            "place",
            "text",
            _place,
        ),
        Column("certainty", "text", lambda row: row.key.certainty),
        Column("conflicted", "flag", lambda row: row.key.conflicted),
        *counted(lambda row: row.count),
        *client_columns(facts, lambda row: row.clients, lambda row: row.more_clients),
        Column("first_packet", "time", lambda row: row.first_ns),
        Column("last_packet", "time", lambda row: row.last_ns),
        Column("name", "text", lambda row: row.name),
        Column("client", "text", lambda row: row.flow.client or None),
        Column("server", "text", lambda row: row.flow.server or None),
        Column("evidence", "list", lambda row: row.evidence),
        Column("conflicts", "list", lambda row: row.conflicts),
        Column("reasons", "list", lambda row: row.reasons),
    )
    says = "LLM-related connections by who reached what; name, client, server and evidence are of the first."
    return table("destinations", says, columns, facts.destinations)


def _place(row: Destination) -> str:
    key = row.key
    return describe_place(key.scope, key.region, key.countries)


def client_columns(
    facts: Facts, number: Callable[[T], int], more: Callable[[T], bool]
) -> tuple[Column[T], Column[T]]:
    """Return how many clients there were, where that may be told, and else what may."""
    least = facts.people.least_clients

    def note(item: T) -> str | None:
        if isinstance(item, Destination) and is_merged(item):
            return f"rows of fewer than {least} clients"
        if number(item) < least:
            return f"fewer than {least}"
        return "or more" if more(item) else None

    return (
        Column("clients", "count", lambda item: number(item) if number(item) >= least else None),
        Column("clients_note", "text", note),
    )


def timeline(facts: Facts) -> Table:
    """Return connections by when they began, a row a bucket of time."""
    width = facts.timeline.width_ns

    def of(judgement: Judgement) -> Column[Bucket]:
        return Column(judgement, "count", lambda row: row.counts.get(judgement, 0))

    columns: tuple[Column[Bucket], ...] = (
        Column("since", "time", lambda row: row.start_ns),
        Column("until", "time", lambda row: row.start_ns + width),
        *map(of, JUDGEMENTS),
    )
    says = "LLM-related connections that began in each stretch of time; those without any are left out."
    return table("timeline", says, columns, facts.timeline.buckets)


def exceptions(facts: Facts) -> Table:
    """Return the exceptions that excused connections."""
    columns: tuple[Column[ExceptionUsed], ...] = (
        Column("exception", "text", lambda row: row.id),
        Column("policy", "text", lambda row: row.policy),
        Column("ticket", "text", lambda row: row.ticket),
        Column("approved_by", "text", lambda row: row.approved_by),
        Column("reason", "text", lambda row: row.reason),
        Column("last_day", "text", lambda row: row.last_day),
        Column("groups", "list", lambda row: row.groups),
        *counted(lambda row: row.count),
        Column("first_packet", "time", lambda row: row.first_ns),
        Column("last_packet", "time", lambda row: row.last_ns),
    )
    says = "Exceptions of the policies that excused connections, and how many."
    return table("exceptions", says, columns, facts.exceptions)


def behaviours(facts: Facts) -> Table:
    """Return what several connections show together."""
    columns: tuple[Column[Behaviour], ...] = (
        Column("id", "text", lambda row: row.id),
        Column("kind", "text", lambda row: row.kind),
        Column("severity", "text", lambda row: row.severity),
        Column("tenant", "text", lambda row: row.subject.tenant),
        Column("source_group", "text", lambda row: row.subject.source_group),
        Column("data_class", "text", lambda row: row.subject.data_class),
        Column("source", "text", lambda row: row.source or None),
        Column("what", "text", lambda row: row.what),
        Column("counts", "list", lambda row: numbered(row.counts)),
        Column("bytes_up", "count", lambda row: row.bytes_up),
        Column("first_packet", "time", lambda row: row.first_ns),
        Column("last_packet", "time", lambda row: row.last_ns),
    )
    says = "What several connections show together, or one by its size or its client."
    return table("behaviours", says, columns, facts.behaviours)
