"""What network evidence cannot show, as phrases that no output may have: one place for the list.

A phrase may be broken over lines, written in any case, or joined by a hyphen.
"""

import re

_PHRASES = (
    r"compliant",  # and non-compliant
    r"non[ -]?compliance",
    r"compliance (?:violation|breach)",
    r"gdpr (?:violation|breach|infringement)",
    r"(?:violat(?:es|ed|ing)|violations? of|breach(?:es|ed|ing)?(?: of)?|infring(?:es|ed|ing)) (?:the )?gdpr",
    r"data (?:was|were|is|are|has been|have been) (?:sent|transferred|exported) to",
)
FORBIDDEN = re.compile("|".join(_PHRASES).replace("[ -]", r"[\s-]").replace(" ", r"[\s-]+"), re.IGNORECASE)
AROUND = 60  # characters of the text that are shown beside what was found


def forbidden_in(text: str) -> list[str]:
    """Return what must not be there, each with a little of what stands around it."""
    return [text[max(found.start() - AROUND, 0) : found.end() + AROUND] for found in FORBIDDEN.finditer(text)]
