"""The section ``behaviours`` of the policy language: what is looked for across connections.

Values only, like ``schema``. Durations and sizes stand as written; ``quantities`` reads them.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from monitor.policy.words import DEFAULT_SEVERITY, Quantity, Severity, Word, Words

Source = Literal["client", "source_group"]
ConsoleRole = Literal["web", "control"]
Port = Annotated[int, Meta(ge=1, le=65_535)]
CONSOLE_ROLES: tuple[ConsoleRole, ...] = ("web", "control")


class DualExposure(Struct, frozen=True, forbid_unknown_fields=True):
    """One source reaches endpoints within and outside policy, no longer apart than ``window``."""

    window: Quantity = "24h"
    by: Source = "client"
    severity: Severity = DEFAULT_SEVERITY


class Gateway(Struct, frozen=True, forbid_unknown_fields=True):
    """An LLM gateway of one's own, and the source groups that are to use it."""

    name: Word
    addresses: tuple[Word, ...] = ()  # networks, addresses, or names of services
    hosts: tuple[Word, ...] = ()  # names, or patterns as in the catalogue
    groups: tuple[Word, ...] = field(name="for", default=())
    severity: Severity = DEFAULT_SEVERITY


class Relay(Struct, frozen=True, forbid_unknown_fields=True):
    """A host is called from a CRM's ranges, and calls an LLM meanwhile or within ``window`` after it."""

    crm_ranges: Words
    window: Quantity = "5m"
    ports: Annotated[tuple[Port, ...], Meta(min_length=1)] | None = None  # of the host; null: any
    severity: Severity = DEFAULT_SEVERITY


class UploadLimit(Struct, frozen=True, forbid_unknown_fields=True):
    """How many bytes one connection to an LLM may carry up, by the data class of its client."""

    data_class: Word
    bytes: Quantity
    severity: Severity = DEFAULT_SEVERITY


class Consoles(Struct, frozen=True, forbid_unknown_fields=True):
    """Who may reach the providers' web interfaces and control planes."""

    permitted: Words  # networks, addresses, or names of source groups
    roles: Annotated[tuple[ConsoleRole, ...], Meta(min_length=1)] = CONSOLE_ROLES
    severity: Severity = DEFAULT_SEVERITY


class Latency(Struct, frozen=True, forbid_unknown_fields=True):
    """Endpoints whose latency is held against that of all others; a figure, not a finding."""

    sovereign: Words  # jurisdictions or country codes
    minimum_connections: Annotated[int, Meta(ge=1)] = 20


class BehaviourSection(Struct, frozen=True, forbid_unknown_fields=True):
    """What is looked for; what is absent is not."""

    dual_exposure: DualExposure | None = None
    gateways: tuple[Gateway, ...] = ()
    relay: Relay | None = None
    upload_limits: tuple[UploadLimit, ...] = ()
    consoles: Consoles | None = None
    latency: Latency | None = None
