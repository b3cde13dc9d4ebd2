"""Decisions for the tests of the daemon's store, and what its files hold."""

from pathlib import Path

import msgspec

from monitor.ledger.days import DAY_NS
from monitor.types import Attribution, Connection, Decision, Outcome, Subject, Totals
from sensors.observations import EndReason
from tests.observed import START_NS, flow_key

NOW_NS = START_NS  # 2026-03-10
TODAY = "2026-03-10"


def decision(
    outcome: Outcome | None = "violation",
    days: int = 0,
    port: int = 443,
    tenant: str | None = "acme",
    reason: EndReason = "fin",
) -> Decision:
    """Return a decision on a packet of so many days from now."""
    ts_ns = NOW_NS + days * DAY_NS
    connection = Connection(
        ts_ns, flow_key(port=port), Subject(tenant), (), None, Totals(reason=reason), "address"
    )
    return Decision(ts_ns, connection, Attribution(), outcome)


def stored(folder: Path) -> dict[str, list[Decision]]:
    """Return what stands in a store, by file; every line has to be whole."""
    found = {}
    for path in sorted(folder.glob("*/*.jsonl")):
        data = path.read_bytes()
        assert data == b"" or data.endswith(b"\n"), path
        lines = data.splitlines()
        found[str(path.relative_to(folder))] = [msgspec.json.decode(line, type=Decision) for line in lines]
    return found


def ports(folder: Path, outcome: str) -> list[int]:
    """Return the server ports, by which these decisions are told apart, of one outcome in their order."""
    return [
        each.connection.flow.server_port
        for name, decisions in stored(folder).items()
        if name.startswith(f"{outcome}/")
        for each in decisions
    ]
