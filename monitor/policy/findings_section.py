"""The section ``findings`` of the policy language: how long a cure may take, and what is evidence of one.

Values only, like ``schema``. Durations stand as written; ``quantities`` reads them.
"""

from typing import Annotated

from msgspec import Meta, Struct

from monitor.policy.words import FindingKind, Quantity, Severity, Word

DEFAULT_CURE = "90d"
DEFAULT_SILENCE = "24h"
Percent = Annotated[float, Meta(ge=0, le=100)]


class SilenceAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """When silence is evidence that something is cured: how long, and how well the sensors could see.

    Of the time at least ``covered_percent`` has to be covered, of the packets less than ``lost_percent``
    lost, of the connections at least ``named_percent`` named.
    """

    least: Quantity = DEFAULT_SILENCE
    covered_percent: Percent = 95.0
    lost_percent: Percent = 1.0
    named_percent: Percent = 0.0


class ReminderAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """A clock that runs from when a finding is opened; a person decides whether it means anything."""

    name: Word
    after: Quantity
    severities: Annotated[tuple[Severity, ...], Meta(min_length=1)]
    says: Word
    kinds: Annotated[tuple[FindingKind, ...], Meta(min_length=1)] | None = None  # null: any


class FindingsSection(Struct, frozen=True, forbid_unknown_fields=True):
    """What holds for all findings."""

    cure: Quantity = DEFAULT_CURE  # of rules that do not say their own
    silence: SilenceAsked = SilenceAsked()
    reminders: tuple[ReminderAsked, ...] = ()
