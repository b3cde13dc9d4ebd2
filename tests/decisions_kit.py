"""A decision as the daemon records it, and the time that it is of."""

from monitor.types import Attribution, Connection, Decision, Subject, Totals
from tests.observed import START_NS, flow_key

NOW_NS = START_NS  # 2026-03-10


def decision() -> Decision:
    """Return a violation of a client of acme, whose connection ended."""
    connection = Connection(NOW_NS, flow_key(), Subject("acme"), (), None, Totals(reason="fin"), "address")
    return Decision(NOW_NS, connection, Attribution(), "violation")
