"""Facts for the tests of reports: those of the demo capture, by a real replay or a real ledger."""

import tempfile
from functools import cache
from pathlib import Path

from monitor import app, replaying
from monitor.report.reading import Question, gather
from monitor.report.types import Facts, People
from tests.ledger_kit import ledger_of

ROOT = Path(__file__).parents[1]
CAPTURE, POLICY = ROOT / "pcaps/demo/traffic.pcap", ROOT / "policies/eu-crm.yaml"


def demo_replay(folder: Path) -> Path:
    """Replay the demo capture into a folder; return it."""
    replaying.replay([CAPTURE], app.load_knowledge(POLICY), replaying.Reading("dpkt"), folder)
    return folder


@cache
def demo_facts(least_clients: int = 1, *, addresses: bool = False) -> Facts:
    """Return the facts of the demo, as a replay with the policy's text at hand; rows of one client too."""
    with tempfile.TemporaryDirectory() as made:
        people = People(least_clients, addresses)
        return gather(Question((demo_replay(Path(made)),), (POLICY,), people=people))


@cache
def ledger_facts(least_clients: int = 5) -> Facts:
    """Return the facts of the demo, as recorded in the ledgers of its tenants."""
    with tempfile.TemporaryDirectory() as made:
        root = ledger_of(CAPTURE, POLICY, Path(made))
        return gather(Question((root,), people=People(least_clients)))
