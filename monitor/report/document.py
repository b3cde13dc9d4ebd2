"""The facts as one JSON document, and its hash: what tells whether two reports say the same. Pure."""

import hashlib

import msgspec

from monitor.report.types import Facts


def facts_json(facts: Facts) -> bytes:
    """Return the facts as indented JSON, ending in a line break: `report.json`."""
    return msgspec.json.format(msgspec.json.encode(facts), indent=2) + b"\n"


def facts_sha256(facts: Facts) -> str:
    """Return the SHA-256 of `report.json`, in hexadecimal."""
    return hashlib.sha256(facts_json(facts)).hexdigest()


def versions_of(facts: Facts) -> dict[str, str]:
    """Return what the facts were made with, once each: the metadata of files."""
    policies = dict.fromkeys(each.policy for each in facts.loaded if each.policy is not None)
    datasets = dict.fromkeys(name for each in facts.loaded for name in each.datasets)
    return {
        "residency.schema": facts.schema,
        "residency.tool": facts.tool,
        "residency.title": facts.title,
        "residency.catalogue": ", ".join(dict.fromkeys(each.catalogue for each in facts.loaded)),
        "residency.policy": ", ".join(policies),
        "residency.datasets": ", ".join(datasets),
        "residency.facts-sha256": facts_sha256(facts),
    }
