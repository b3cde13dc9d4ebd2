"""The attribution: who a server is and where, on what evidence, and how certain that is. Pure."""

from monitor.attribution.evidence import Location
from monitor.attribution.readings import Question
from monitor.attribution.reasoning import GeoLookup, attribute, is_llm_related

__all__ = ["GeoLookup", "Location", "Question", "attribute", "is_llm_related"]
