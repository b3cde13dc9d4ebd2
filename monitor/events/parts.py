"""What the foreign forms of an event share: times, addresses, and who and where in words. Pure."""

import ipaddress
from datetime import UTC, datetime
from typing import Final

from monitor.events.types import Basis, Event, FindingEvent, SummaryEvent
from monitor.findings.types import Finding
from monitor.types import Subject
from monitor.wording import describe_place, plural, size

PRODUCT: Final = "Residency Monitor"
PROGRAM: Final = "residency"
NS_PER_MS: Final = 1_000_000
_EPOCH = "1970-01-01T00:00:00.000Z"
_SECOND_NS = 1_000_000_000


def milliseconds(ts_ns: int) -> int:
    """Return a time in whole milliseconds since 1970."""
    return ts_ns // NS_PER_MS


def timestamp(ts_ns: int) -> str:
    """Return a time as ISO 8601 text in UTC, to the millisecond; one outside the calendar as the epoch."""
    try:
        whole = datetime.fromtimestamp(ts_ns // _SECOND_NS, UTC)
    except (OverflowError, ValueError, OSError):
        return _EPOCH
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{ts_ns % _SECOND_NS // NS_PER_MS:03d}Z"


def ip_version(address: str) -> int | None:
    """Return 4 or 6, or None for what is no address: a pseudonym stands in its place."""
    try:
        return ipaddress.ip_address(address).version
    except ValueError:
        return None


def group_name(subject: Subject) -> str | None:
    """Return tenant and source group as one word, as sentences have it."""
    return "/".join(part for part in (subject.tenant, subject.source_group) if part) or None


def place(finding: Finding) -> str:
    """Return where the endpoint is, with what its scope does not promise."""
    return describe_place(finding.scope, finding.region, finding.countries)


def amount(finding: Finding) -> str:
    """Return how much it is: only connections that ended are counted."""
    if not finding.count:
        return "no connection of it has ended yet"
    more = "more than " if finding.clients_capped else ""
    return (
        f"{plural(finding.count, 'connection')} of {more}{plural(finding.client_count, 'client')}, "
        f"{size(finding.bytes_up)} up, {size(finding.bytes_down)} down"
    )


def sources(basis: Basis) -> list[str]:
    """Return catalogue and data sets, each with its version."""
    return [*([f"catalogue {basis.catalogue}"] if basis.catalogue else []), *basis.datasets]


def headline(event: Event) -> str:
    """Return an event in one sentence."""
    if isinstance(event, FindingEvent):
        return event.change.finding.title
    if isinstance(event, SummaryEvent):
        return f"{plural(event.events, 'event')} of sensor {event.sensor} had no room; the ledger holds each"
    return f"Signed checkpoint of the ledger of sensor {event.sensor}"
