"""The list of all cases."""

from pcaps.cases import capture, demo, dns, hellos, providers
from pcaps.cases.case import Case

CASES: tuple[Case, ...] = (
    *providers.CASES,
    *hellos.CASES,
    *dns.CASES,
    *capture.CASES,
    *demo.CASES,
)
