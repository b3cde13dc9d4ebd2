"""Which section of a report may support which item of a law or a framework. Pure data.

What an item asks for is told in short, and not decided here: a row says where its reader may look, and what
the network cannot show of it. The texts are those of the sources below.
"""

import msgspec

SOURCES = (
    "Regulation (EU) 2016/679 (GDPR), OJ L 119, 4.5.2016, p. 1: Articles 30 and 44",
    "NIST AI 100-1, Artificial Intelligence Risk Management Framework (AI RMF 1.0), 2023: tables 1 and 2",
)
CAREFUL = (
    "A section may support an item as evidence beside other records. Nothing here concludes that a duty"
    " applies, that it is met, or that it is not: that is for people who know the processing."
)


class Item(msgspec.Struct, frozen=True):
    """An item, what it is about, the sections (their ids) that may support it, and what these leave open."""

    framework: str
    item: str
    about: str
    sections: tuple[str, ...]
    leaves_open: str


ITEMS = (
    Item(
        "GDPR",
        "Art. 30(1)(d)",
        "Categories of recipients, recipients in third countries among them",
        ("destinations", "flows"),
        "Providers that connections ended at; whether they received personal data, and who is behind them",
    ),
    Item(
        "GDPR",
        "Art. 30(1)(e)",
        "Transfers to a third country, and which",
        ("map", "flows", "findings"),
        "Where connections ended, or processing is pinned; transfers and safeguards are for other records",
    ),
    Item(
        "GDPR",
        "Art. 30(1)(g)",
        "General description of technical and organisational security measures",
        ("coverage", "method", "policy"),
        "That egress is watched, how much of it is seen, and by which rules; all other measures",
    ),
    Item(
        "GDPR",
        "Art. 44",
        "General principle for transfers, onward transfers included",
        ("summary", "findings", "exceptions"),
        "Connections outside the policy that was given; whether that policy is what Chapter V asks for",
    ),
    Item(
        "NIST AI RMF 1.0",
        "GOVERN 1.4",
        "The risk management process and its outcomes rest on transparent policies, procedures and controls",
        ("policy", "findings", "inputs"),
        "The policy that judged, its outcomes and how to verify them; how the policy came about",
    ),
    Item(
        "NIST AI RMF 1.0",
        "GOVERN 1.5",
        "Ongoing monitoring and periodic review, with roles",
        ("coverage", "timeline", "findings"),
        "When somebody looked and what followed; whether that is often enough",
    ),
    Item(
        "NIST AI RMF 1.0",
        "GOVERN 1.6",
        "Mechanisms to inventory AI systems",
        ("destinations", "flows"),
        "Services seen from the network, those nobody declared among them; systems not reached over it",
    ),
    Item(
        "NIST AI RMF 1.0",
        "GOVERN 6.1",
        "Policies and procedures for risks of third parties",
        ("policy", "exceptions", "behaviours"),
        "Which third parties were reached under which rules; contracts, and rights in what they supply",
    ),
    Item(
        "NIST AI RMF 1.0",
        "MAP 1.1",
        "Intended purposes, laws, norms and the settings of deployment are understood and documented",
        ("summary", "flows"),
        "Which source groups reach which services; for what purpose",
    ),
    Item(
        "NIST AI RMF 1.0",
        "MAP 3.4",
        "Processes for the proficiency of operators and practitioners",
        ("method", "annex"),
        "Method and limits in words that a reader can check; who is proficient is for other records",
    ),
    Item(
        "NIST AI RMF 1.0",
        "MAP 4.1",
        "Approaches for mapping technology and legal risks of components, those of third parties among them",
        ("map", "destinations", "findings"),
        "Where third-party components were reached, on what evidence; the legal assessment",
    ),
    Item(
        "NIST AI RMF 1.0",
        "MAP 4.2",
        "Internal risk controls for components, third-party technologies among them, are documented",
        ("policy", "exceptions", "coverage"),
        "Rules, exceptions and how much of the traffic they were applied to; controls elsewhere",
    ),
)
