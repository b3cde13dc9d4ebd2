"""Facts for the tests of reports: those of the demo capture, by a real replay or a real ledger."""

import tempfile
from functools import cache
from pathlib import Path

import msgspec
import pytest

from monitor import app, replaying
from monitor.files import InputError
from monitor.report.reading import Question, gather
from monitor.report.types import Facts, People, Period
from tests.ledger_kit import ledger_of
from tests.observed import at

ROOT = Path(__file__).parents[1]
CAPTURE, POLICY = ROOT / "pcaps/demo/traffic.pcap", ROOT / "policies/eu-crm.yaml"


def demo_replay(folder: Path) -> Path:
    """Replay the demo capture into a folder; return it."""
    replaying.replay([CAPTURE], app.load_knowledge(POLICY), replaying.Reading("dpkt"), folder)
    return folder


def refused(*paths: Path, **asked: object) -> str:
    """Return the line in which a question is refused."""
    with pytest.raises(InputError) as error:
        gather(asking(*paths, **asked))
    assert "\n" not in str(error.value)
    return str(error.value)


def asking(*paths: Path, **asked: object) -> Question:
    """Return a question that shows all rows."""
    return Question(paths, **{"people": People(1), **asked})  # type: ignore[arg-type]


def seconds(since: float | None = None, until: float | None = None) -> Period:
    """Return a period, in seconds since the start of the tests' time."""
    return Period(at(since) if since is not None else None, at(until) if until is not None else None)


@cache
def demo_facts(least_clients: int = 1, *, addresses: bool = False) -> Facts:
    """Return the facts of the demo, as a replay with the policy's text at hand; rows of one client too."""
    with tempfile.TemporaryDirectory() as made:
        people = People(least_clients, addresses)
        facts = gather(Question((demo_replay(Path(made)),), (POLICY,), people=people))
        return _placeless(facts, made)


@cache
def ledger_facts(least_clients: int = 5) -> Facts:
    """Return the facts of the demo, as recorded in the ledgers of its tenants."""
    with tempfile.TemporaryDirectory() as made:
        root = ledger_of(CAPTURE, POLICY, Path(made))
        return _placeless(gather(Question((root,), people=People(least_clients))), made)


def _placeless(facts: Facts, folder: str) -> Facts:
    """Return facts that say the same in every run: of the folder only that it was the demo's."""
    return msgspec.json.decode(msgspec.json.encode(facts).replace(folder.encode(), b"demo"), type=Facts)
