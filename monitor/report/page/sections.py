"""The sections of the page in their order: the one list that headings, contents and annex refer to. Pure."""

import msgspec

from monitor.report.types import Facts


class Section(msgspec.Struct, frozen=True):
    """A section: its anchor, its number and its heading."""

    id: str
    number: int
    title: str


_TITLES = (
    ("coverage", "Coverage"),
    ("summary", "Executive summary"),
    ("map", "Where connections ended"),
    ("flows", "From source group to jurisdiction"),
    ("timeline", "Timeline"),
    ("destinations", "Destinations"),
    ("findings", "Findings"),
    ("behaviours", "Behaviours across connections"),
    ("exceptions", "Exceptions used"),
    ("policy", "Policy"),
    ("versions", "Versions and data sets"),
    ("inputs", "Inputs and how to verify them"),
    ("method", "Method and limits"),
    ("annex", "Annex: what this may support"),
    ("sign-off", "Sign-off"),
)
SECTIONS = tuple(Section(name, number, title) for number, (name, title) in enumerate(_TITLES, 1))
BY_ID = {section.id: section for section in SECTIONS}


class Bounds(msgspec.Struct, frozen=True):
    """How much the page shows of the facts; the files hold the rest."""

    destinations: int = 2_000
    findings: int = 1_000
    detailed: int = 100  # findings with a part of their own; where there are more, there is the table alone


def sizes(facts: Facts) -> dict[str, int]:
    """Return how many things the contents say stand in a section."""
    return {
        "destinations": len(facts.destinations),
        "findings": len(facts.findings),
        "behaviours": len(facts.behaviours),
        "exceptions": len(facts.exceptions),
        "policy": len(facts.policies),
        "inputs": len(facts.inputs),
    }
