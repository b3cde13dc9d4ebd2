"""The end of the line for the tests of recording: real ledgers, a real outbox, opened as often as asked."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor.daemon.recorder import Recorder
from monitor.events.types import Basis, Event, FindingEvent
from monitor.findings import Book
from monitor.ledger.reader import Entry, open_ledger
from monitor.ledger.types import Record
from monitor.outbox.reading import OutboxReader
from monitor.outbox.store import Outbox
from monitor.recording.catching_up import CatchingUp
from monitor.recording.chores import Chores
from monitor.recording.core import Recording, Standing, tenant_of
from monitor.recording.items import Item
from monitor.types import Decision, Subject
from tests.findings_kit import decide, policy
from tests.ledger_kit import FILING, NOW_NS, SENSOR, opened

ACME, BETA = Subject("acme", "backend", "crm"), Subject("beta", "backend", "crm")
TENANTS = None, "acme", "beta"


def notes() -> tuple[Record, ...]:
    """Return what every ledger says at its beginning."""
    return (FILING.note("policy-loaded", {"version": "1"}, NOW_NS),)


@contextmanager
def recording_in(folder: Path) -> Iterator[tuple[Recording, CatchingUp]]:
    """Open the line in a folder, as a start of the daemon does; let its files go at the end."""
    ledgers, outbox = opened(folder), Outbox(folder / "state", 1_000, SENSOR, NOW_NS)
    findings, position = outbox.load()
    recording = Recording(ledgers, outbox, Book(policy(), findings), FILING)
    recording.use(Standing(Basis("residency", SENSOR), TENANTS, notes()), policy())
    try:
        yield recording, CatchingUp(recording, position, NOW_NS)
    finally:
        recording.close()


def chores_of(recording: Recording, folder: Path) -> Chores:
    """Return what the thread does beside recording; there is one sink, which never took anything."""
    return Chores(recording, FILING, folder / "state", ["file"])


@contextmanager
def recorder_in(folder: Path) -> Iterator[Recorder]:
    """Give a recorder whose thread has yet to be started."""
    with recording_in(folder) as (recording, catching_up):
        recorder = Recorder(recording, catching_up, chores_of(recording, folder), FILING)
        try:
            yield recorder
        finally:
            recorder.close(5)


def decisions(count: int, subject: Subject = ACME, start: int = 0) -> list[Decision]:
    """Return violations of one finding, told apart by their ports."""
    return [decide(at, port=1_024 + at, subject=subject) for at in range(start, start + count)]


def items(found: list[Decision]) -> list[Item]:
    """Return decisions as they are handed over."""
    return [
        Item(FILING.decision(each, None, NOW_NS), each.connection.subject.tenant, decision=each)
        for each in found
    ]


def entries(folder: Path, tenant: str) -> list[Entry]:
    """Return what a tenant's ledger holds."""
    return list(open_ledger(folder / "ledger" / tenant).entries())


def kinds(folder: Path, tenant: str) -> dict[str, int]:
    """Return how many entries of each kind a tenant's ledger holds."""
    return dict(Counter(entry.leaf.kind for entry in entries(folder, tenant)))


def decided(folder: Path, tenant: str) -> list[int]:
    """Return when the connections began whose decisions a ledger holds, in its order."""
    return [entry.leaf.at_ns for entry in entries(folder, tenant) if entry.leaf.kind == "decision"]


def events(folder: Path) -> list[Event]:
    """Return what the outbox holds."""
    reader = OutboxReader(folder / "state")
    try:
        return [parcel.event for parcel in reader.peek(0, 10_000)]
    finally:
        reader.close()


def told(folder: Path, tenant: str) -> list[int]:
    """Return how many connections each event of a tenant's findings tells of, in order."""
    found = [each for each in events(folder) if isinstance(each, FindingEvent)]
    assert len({each.key for each in found}) == len(found)
    return [each.change.finding.count for each in found if tenant_of(each) == tenant]
