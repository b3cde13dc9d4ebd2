"""What labels say of a decision, in words of the policy and the catalogue, never of packets. Pure."""

from collections.abc import Mapping

from monitor.groups import SourceGroup
from monitor.policy.places import one_country as country
from monitor.types import Attribution, Decision, Subject

NONE = "none"  # there is none: no owner, no rule, nothing to act on
UNKNOWN = "unknown"
AMBIGUOUS = "ambiguous"
GLOBAL = "global"
SEVERAL = "several"
OTHER = "other"  # several, counted together
INVENTORY = "inventory"  # the outcome where there is no policy

__all__ = ["country", "of_decision", "of_group", "of_subject", "place", "provider"]

Labels = Mapping[str, str]


def of_decision(decision: Decision) -> dict[str, str]:
    """Return all labels of a decision but for the sensor's."""
    attribution = decision.attribution
    return of_subject(decision.connection.subject) | {
        "policy": decision.rule or NONE,
        "provider": provider(attribution),
        "dst_region": place(attribution),
        "outcome": decision.outcome or INVENTORY,
        "severity": decision.severity or NONE,
        "certainty": attribution.certainty,
    }


def of_subject(subject: Subject) -> dict[str, str]:
    """Return whose it is."""
    return {"tenant": subject.tenant or NONE, "source_group": subject.source_group or NONE}


def of_group(group: SourceGroup) -> dict[str, str]:
    """Return whose connections are counted in a row of the coverage."""
    missing = OTHER if group.kind == "folded" else NONE
    return {"tenant": group.tenant or missing, "source_group": group.source_group or missing}


def provider(attribution: Attribution) -> str:
    """Return the provider; "ambiguous" where it is one of several, or of several things behind one name."""
    return attribution.provider or (AMBIGUOUS if attribution.possible else UNKNOWN)


def place(attribution: Attribution) -> str:
    """Return where the connection ended, as far as the evidence says; inference may run elsewhere.

    "aws:eu-central-1" is a provider's region, "group:eu" a group of them, "country:DE" a country where no
    region is known, "operator:CN" only where the operator says or sits; else "global", "several", "unknown".
    """
    if attribution.scope == "global":
        return GLOBAL
    if attribution.region is not None:
        of = "group" if attribution.scope == "group" else attribution.provider or UNKNOWN
        return f"{of}:{attribution.region}"
    if len(attribution.countries) != 1:
        return SEVERAL if attribution.countries else UNKNOWN
    return f"{'operator' if attribution.scope == 'unknown' else 'country'}:{attribution.countries[0]}"
