"""Tables of findings: what was found, where it can be looked up, and what happened to it. Pure."""

from monitor.report.files.reached_tables import client_columns
from monitor.report.files.table import Column, Table, table
from monitor.report.types import Facts, Found, Reference, Step
from monitor.wording import describe_place

_Referred = tuple[Found, Reference]
_Stepped = tuple[Found, Step]


def findings(facts: Facts) -> Table:
    """Return the findings as they stood at the end of the period."""
    columns: tuple[Column[Found], ...] = (
        Column("finding", "text", lambda row: row.finding.id),
        Column("state", "text", lambda row: row.finding.state),
        Column("severity", "text", lambda row: row.finding.severity),
        Column("kind", "text", lambda row: row.finding.kind),
        Column("rule", "text", lambda row: row.finding.rule),
        Column("tenant", "text", lambda row: row.finding.subject.tenant),
        Column("source_group", "text", lambda row: row.finding.subject.source_group),
        Column("data_class", "text", lambda row: row.finding.subject.data_class),
        Column("provider", "text", lambda row: row.finding.provider),
        Column("possible", "list", lambda row: row.finding.possible),
        Column("service", "text", lambda row: row.finding.service),
        Column("scope", "text", lambda row: row.finding.scope),
        Column("region", "text", lambda row: row.finding.region),
        Column("countries", "list", lambda row: row.finding.countries),
        Column("place", "text", _place),
        Column("certainty", "text", lambda row: row.finding.certainty),
        Column("connections", "count", lambda row: row.finding.count),
        Column("bytes_up", "count", lambda row: row.finding.bytes_up),
        Column("bytes_down", "count", lambda row: row.finding.bytes_down),
        *client_columns(facts, lambda row: row.finding.client_count, lambda row: row.finding.clients_capped),
        Column("first_packet", "time", lambda row: row.finding.first_ns),
        Column("last_packet", "time", lambda row: row.finding.last_ns),
        Column("opened", "time", lambda row: row.finding.opened_ns),
        Column("cure_by", "time", lambda row: row.finding.deadline_ns),
        Column("reopened", "count", lambda row: row.finding.reopened),
        Column("title", "text", lambda row: row.finding.title),
        Column("evidence", "list", _evidence),
        Column("remediation", "text", lambda row: row.finding.remediation or None),
        Column("references", "list", lambda row: row.finding.references),
        Column("input", "count", lambda row: row.input),
    )
    says = "What went outside policy, or is not decided, grouped; as it stood at the end of the period."
    return table("findings", says, columns, facts.findings)


def references(facts: Facts) -> Table:
    """Return where the connections of findings can be looked up."""
    columns: tuple[Column[_Referred], ...] = (
        Column("finding", "text", lambda row: row[0].finding.id),
        Column("input", "count", lambda row: row[1].input),
        Column("index", "count", lambda row: row[1].index),
        Column("first_packet", "time", lambda row: row[1].ts_ns),
        Column("first_packet_ns", "text", lambda row: str(row[1].ts_ns)),
        Column("client", "text", lambda row: row[1].flow.client or None),
        Column("client_port", "count", lambda row: row[1].flow.client_port if row[1].flow.client else None),
        Column("server", "text", lambda row: row[1].flow.server),
        Column("server_port", "count", lambda row: row[1].flow.server_port),
        Column("transport", "text", lambda row: row[1].flow.transport),
        Column("vlan", "count", lambda row: row[1].flow.vlan),
        Column("tunnel", "text", lambda row: row[1].flow.tunnel),
        Column("server_name", "text", lambda row: row[1].server_name),
        Column("bytes_up", "count", lambda row: row[1].bytes_up),
        Column("bytes_down", "count", lambda row: row[1].bytes_down),
    )
    says = "The first connections of each finding: the record (index) of an input, and their packets."
    pairs = ((found, each) for found in facts.findings for each in found.references)
    return table("references", says, columns, pairs)


def steps(facts: Facts) -> Table:
    """Return what happened to findings."""
    columns: tuple[Column[_Stepped], ...] = (
        Column("finding", "text", lambda row: row[0].finding.id),
        Column("at", "time", lambda row: row[1].at_ns),
        Column("what", "text", lambda row: row[1].what),
        Column("why", "text", lambda row: row[1].why),
    )
    pairs = ((found, each) for found in facts.findings for each in found.steps)
    return table("steps", "What happened to each finding, in order.", columns, pairs)


def _place(row: Found) -> str:
    found = row.finding
    return describe_place(found.scope, found.region, found.countries)


def _evidence(row: Found) -> tuple[str, ...]:
    sample = row.finding.sample
    return tuple(each.says for each in sample.evidence) if sample is not None else ()
