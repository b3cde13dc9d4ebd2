"""The attribution: who a server is and where, on what evidence, and how certain that is. Pure."""

from monitor.attribution.addresses import GeoLookup
from monitor.attribution.evidence import Location
from monitor.attribution.ranges import PublishedRange, RangeLookup
from monitor.attribution.readings import Question
from monitor.attribution.reasoning import attribute, is_llm_related

__all__ = [
    "GeoLookup",
    "Location",
    "PublishedRange",
    "Question",
    "RangeLookup",
    "attribute",
    "is_llm_related",
]
