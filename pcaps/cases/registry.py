"""The list of all cases."""

from pcaps.cases import (
    behaviours,
    capture,
    concealing,
    datagrams,
    demo,
    dns,
    hellos,
    prefaces,
    providers,
    tunnels,
)
from pcaps.cases.case import Case

CASES: tuple[Case, ...] = (
    *providers.CASES,
    *hellos.CASES,
    *prefaces.CASES,
    *datagrams.CASES,
    *dns.CASES,
    *capture.CASES,
    *tunnels.CASES,
    *concealing.CASES,
    *behaviours.CASES,
    *demo.CASES,
)
