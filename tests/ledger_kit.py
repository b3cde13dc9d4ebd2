"""Real ledgers: what a replay of a capture decides, recorded as the daemon records it."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from monitor import app
from monitor.config import Retention
from monitor.findings import Book
from monitor.ledger.tenants import Ledgers
from monitor.ledger.types import Record
from monitor.pipeline import Pipeline
from monitor.policy import Policy
from monitor.recording.records import Filing, datasets_said, policy_said, sensor_said
from monitor.types import Decision
from sensors.engine import Options, open_sensor

SENSOR = "edge"
DAY_NS = 86_400_000_000_000
NOW_NS = 20_522 * DAY_NS + DAY_NS // 2  # 2026-03-10T12:00:00Z, the day of the captures in pcaps/
FILING = Filing(SENSOR, Retention())
KEY = "ledger.key"


def ledger_of(capture: Path, policy: Path, folder: Path) -> Path:
    """Make a ledger of what a replay of a capture decides; return its root, `ledger` in the folder.

    Each tenant's ledger says first what was loaded, then each decision, and what findings came to.
    """
    known = app.load_knowledge(policy)
    assert known.policy is not None
    return recorded(decided(capture, policy), folder, known.policy)


def decided(capture: Path, policy: Path) -> list[Decision]:
    """Return what a replay of a capture decides, ordered by first packet."""
    known = app.load_knowledge(policy)
    pipeline = Pipeline(known.catalog, known.policy, known.aids())
    sensor = open_sensor([capture], "dpkt", Options(interest=pipeline.interest()))
    found = [decision for batch in sensor for decision in pipeline.feed(batch)]
    return sorted(found, key=lambda each: (each.ts_ns, each.connection.flow.order()))


def recorded(
    decisions: Sequence[Decision], folder: Path, policy: Policy | None = None, now_ns: int = NOW_NS
) -> Path:
    """Record decisions in a ledger root, `ledger` in the folder; return it."""
    ledgers = opened(folder, now_ns)
    book = Book(policy)
    notes = list(_notes(policy, now_ns))
    begun: set[str | None] = set()
    for decision in decisions:
        tenant = decision.connection.subject.tenant
        if tenant not in begun:
            ledgers.append(tenant, notes)
            begun.add(tenant)
        ledgers.append(tenant, [FILING.decision(decision, None, now_ns)])
        for change in book.offer(decision):
            ledgers.append(change.finding.subject.tenant, [FILING.change(change, now_ns)])
    ledgers.close()
    return ledgers.root


def opened(folder: Path, now_ns: int = NOW_NS) -> Ledgers:
    """Open the ledger root in a folder, to append to."""
    return Ledgers(folder / "ledger", folder / KEY, SENSOR, now_ns)


def expired(folder: Path, days: int) -> None:
    """Have retention erase what it erases so many days later."""
    ledgers = opened(folder, NOW_NS + days * DAY_NS)
    swept = ledgers.expire(NOW_NS + days * DAY_NS, FILING.kept_days)
    assert not swept.failures
    ledgers.close()


def contents(root: Path) -> dict[str, bytes]:
    """Return every file below a folder, by its path."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def _notes(policy: Policy | None, now_ns: int) -> Iterable[Record]:
    yield FILING.note("sensor-start", sensor_said(SENSOR, "dpkt"), now_ns)
    if policy is not None:
        yield FILING.note("policy-loaded", policy_said(policy), now_ns)
    yield FILING.note("datasets-loaded", datasets_said("0", ()), now_ns)
