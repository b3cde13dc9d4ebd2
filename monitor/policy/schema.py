"""The policy language: every key that a policy may hold, and nothing else.

Values only. What they mean together is checked in ``references``, ``networks`` and
``lint``, and applied in ``policy``. Lists of named items, so that every mistake has a line.
"""

import datetime as dt
from typing import Annotated, Literal

from msgspec import Meta, Struct

from monitor.policy.findings_section import FindingsSection
from monitor.policy.section import BehaviourSection
from monitor.policy.words import DEFAULT_SEVERITY, Quantity, Severity, Word, Words
from monitor.types import Outcome, Scope

Action = Literal["allow", "violation", "indeterminate"]

DEFAULT_RULE = "default"  # the rule that a judgement names when no other applied


class OwnJurisdiction(Struct, frozen=True, forbid_unknown_fields=True):
    """A set of countries under the company's own name: ``countries`` and ``include``, less ``without``."""

    name: Word
    countries: Words | None = None
    include: Words | None = None  # built-in sets
    without: Words | None = None
    description: str = ""


class DataClass(Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of data, as the company classifies it."""

    name: Word
    description: str = ""


class Service(Struct, frozen=True, forbid_unknown_fields=True):
    """A name for addresses of one's own, to use among the ``sources`` of a group."""

    name: Word
    addresses: tuple[Word, ...] = ()
    description: str = ""


class Group(Struct, frozen=True, forbid_unknown_fields=True):
    """Clients that handle one class of data: networks, addresses, or names of services."""

    name: Word
    data_class: Word
    sources: tuple[Word, ...] = ()
    description: str = ""


class Tenant(Struct, frozen=True, forbid_unknown_fields=True):
    """One party whose traffic passes the sensor. No address belongs to two tenants."""

    name: Word
    groups: tuple[Group, ...] = ()
    description: str = ""


class When(Struct, frozen=True, forbid_unknown_fields=True):
    """Which flows. A key that is absent does not restrict; a flow must fit every key that is there."""

    tenants: Words | None = None
    source_groups: Words | None = None
    data_classes: Words | None = None
    providers: Words | None = None
    services: Words | None = None  # the provider's service: the catalogue's name, or its first words
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1)] | None = None
    regions: Words | None = None  # provider:code
    jurisdictions: Words | None = None


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked of the flows that ``when`` selects: an ``outcome``, or a place inside ``allow_in``."""

    id: Word
    description: str = ""
    when: When = When()
    outcome: Action | None = None
    allow_in: Words | None = None
    allow_in_regions: Words | None = None
    on_entry: Action | None = None
    on_global: Action | None = None
    on_operator: Action | None = None
    on_storage: Action | None = None
    on_indeterminate: Action | None = None
    severity: Severity = DEFAULT_SEVERITY
    cure: Quantity | None = None  # how long that of a finding may take; null: as in `findings:`
    references: tuple[Word, ...] = ()
    remediation: str = ""


class Exemption(Struct, frozen=True, forbid_unknown_fields=True):
    """An item of ``exceptions``: flows that are excused for a time, by whom, and under which ticket.

    ``starts`` and ``expires`` are days in UTC, both included. ``expires`` is checked in
    ``references``, so that words in its place get an answer of their own.
    """

    id: Word
    ticket: Word
    approved_by: Word
    reason: Word
    when: When = When()
    rules: Words | None = None
    starts: dt.date = dt.date.min
    expires: object = None

    @property
    def last_day(self) -> dt.date:
        """The last day on which the exception is in force."""
        return self.expires if isinstance(self.expires, dt.date) else dt.date.min


class TestFlow(Struct, frozen=True, forbid_unknown_fields=True):
    """A flow as a test states it. ``at`` is a time in UTC, by default the day of the policy's issue."""

    __test__ = False  # not a class of pytest tests

    client: Word
    host: Word | None = None
    address: Word | None = None
    cnames: tuple[Word, ...] = ()
    at: object = None


class PolicyTest(Struct, frozen=True, forbid_unknown_fields=True):
    """A test that the policy carries: a flow in, the outcome wanted, and the rule that should say it."""

    name: Word
    flow: TestFlow
    outcome: Outcome
    rule: Word | None = None


class PolicyDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole policy, as written."""

    version: Literal[1]
    id: Word
    owner: Word
    issued: dt.date
    tenants: tuple[Tenant, ...]
    rules: tuple[Rule, ...]
    name: str = ""
    description: str = ""
    jurisdictions: tuple[OwnJurisdiction, ...] = ()
    data_classes: tuple[DataClass, ...] = ()
    services: tuple[Service, ...] = ()
    resolvers: tuple[Word, ...] = ()  # DNS servers of one's own, which ask in their clients' place
    exceptions: tuple[Exemption, ...] = ()
    default: Action = "indeterminate"
    behaviours: BehaviourSection | None = None
    findings: FindingsSection | None = None
    tests: tuple[PolicyTest, ...] = ()
