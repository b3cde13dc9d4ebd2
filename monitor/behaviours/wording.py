"""Words that the sentences about behaviours share."""

from monitor.types import Subject


def who(subject: Subject, client: str | None) -> str:
    """Return whose connections they are: the client's address, with its source group where it has one."""
    group = "/".join(part for part in (subject.tenant, subject.source_group) if part)
    if client is None:
        return f"source group {group}" if group else "clients of no source group"
    return f"{client} ({group})" if group else client
