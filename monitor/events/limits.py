"""What the evidence of a finding cannot show, in sentences that go wherever the finding goes. Pure.

They depend on the finding alone: on its kind, on the scope of the endpoint and on how certain that is.
"""

from msgspec.structs import replace

from monitor.events.types import FindingEvent
from monitor.findings.types import Finding
from monitor.policy.words import FindingKind
from monitor.summary import ENDED_NOT_RAN, NAME_IS_A_CLAIM
from monitor.types import Certainty, Scope

NOT_READ = "What was sent is encrypted and was not read: which data it held is not known."
NOT_ENDED = (
    "Its first connection had not ended yet: connections, clients and bytes are counted when they end."
)
MAY_BE_OTHERS = "One name or address serves several services; which of them was used cannot be seen."

_SCOPES: dict[Scope, str] = {
    "region": "That processing stays in the region is what documents say; packets cannot confirm it.",
    "entry": "The region is where the connection enters; processing may be elsewhere.",
    "group": "The endpoint stands for several regions; which of them processed a request cannot be seen.",
    "global": "The endpoint is global: its name and address say nothing about where a request is processed.",
    "storage": "The place is where data rests; where it is processed is not known.",
    "unknown": "No source says where this endpoint processes.",
}
_CERTAINTIES: dict[Certainty, str | None] = {
    "observed": None,
    "inferred": "The place is inferred from an alias or an address, not from a documented name.",
    "indeterminate": "The evidence is insufficient to say which service or which place it was.",
}
_KINDS: dict[FindingKind, str | None] = {
    "violation": None,
    "indeterminate": None,
    "dual-exposure": "That one group reached both does not show that the same data went to both.",
    "gateway-bypass": "Why the connection did not go through the gateway cannot be seen.",
    "relay-suspected": "That one connection caused another is concluded from times and sizes alone.",
    "unusual-upload": "Sizes are those on the wire; what was uploaded was not seen.",
    "console-access": "That a console was reached does not show what was done there.",
}
_OF_ONE_ENDPOINT: tuple[FindingKind, ...] = ("violation", "indeterminate")


def limits_of(finding: Finding) -> tuple[str, ...]:
    """Return the sentences that belong to a finding, the most general first."""
    named = finding.sample is not None and finding.sample.server_name is not None
    ahead = finding.sample is not None and finding.sample.is_open and not finding.count
    found = [
        ENDED_NOT_RAN,
        NOT_ENDED if ahead else None,
        _KINDS[finding.kind],
        *(_of_endpoint(finding) if finding.provider or finding.kind in _OF_ONE_ENDPOINT else ()),
        NAME_IS_A_CLAIM if named else None,
        NOT_READ,
    ]
    return tuple(sentence for sentence in found if sentence is not None)


def as_now(event: FindingEvent, finding: Finding) -> FindingEvent:
    """Return the last event about a finding as it would be said of it as it is now: figures go on untold."""
    basis = replace(event.basis, limits=limits_of(finding))
    return replace(event, change=replace(event.change, finding=finding), basis=basis)


def _of_endpoint(finding: Finding) -> tuple[str | None, ...]:
    shared = MAY_BE_OTHERS if finding.provider is None and finding.possible else None
    return _SCOPES[finding.scope], _CERTAINTIES[finding.certainty], shared
