"""What makes two connections one finding. The identifier is the same in every run, in replay and live.

Behaviours have an identifier already (`Behaviour.id`), and keep it.
"""

import hashlib
from typing import NamedTuple

import msgspec

from monitor.policy.schema import DEFAULT_RULE
from monitor.policy.words import FindingKind
from monitor.types import Decision, Outcome, Scope

ID_DIGITS = 16  # hexadecimal, of SHA-256
KINDS: dict[Outcome | None, FindingKind] = {"violation": "violation", "indeterminate": "indeterminate"}
_encode = msgspec.json.Encoder().encode


class Key(NamedTuple):
    """What findings are told apart by: nothing of the client, no time, no version of the policy."""

    kind: FindingKind
    tenant: str | None
    rule: str
    source_group: str | None
    reached: str | tuple[str, ...]  # the provider, or who it may be, in order
    scope: Scope
    region: str | None

    def id(self) -> str:
        """The identifier of the finding."""
        return hashlib.sha256(_encode(self)).hexdigest()[:ID_DIGITS]


def key_of(decision: Decision) -> Key | None:
    """Return the key of the finding that a decision belongs to; None where it belongs to none."""
    kind = KINDS.get(decision.outcome)
    return _key(decision, kind) if kind is not None else None


def _key(decision: Decision, kind: FindingKind) -> Key:
    subject, attribution = decision.connection.subject, decision.attribution
    return Key(
        kind,
        subject.tenant,
        decision.rule or DEFAULT_RULE,
        subject.source_group,
        attribution.provider if attribution.provider is not None else tuple(sorted(attribution.possible)),
        attribution.scope,
        attribution.region,
    )


def finding_id(decision: Decision) -> str | None:
    """Return the identifier of the finding that a decision belongs to; None where it belongs to none."""
    key = key_of(decision)
    return key.id() if key is not None else None


def excused_finding(decision: Decision) -> str:
    """Return the identifier of the violation that a decision would belong to without its exception."""
    return _key(decision, "violation").id()
