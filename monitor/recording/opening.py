"""Opens ledgers, findings and outbox, takes their locks, and says what is judged by."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from monitor import __version__
from monitor.app import Knowledge
from monitor.config import Retention
from monitor.events.types import Basis
from monitor.findings import Book
from monitor.ledger.tenants import Ledgers
from monitor.ledger.types import Record
from monitor.outbox.store import Outbox
from monitor.policy import Policy
from monitor.recording.catching_up import CatchingUp
from monitor.recording.core import Recording, Standing, Tenant
from monitor.recording.records import Filing, configuration_said, datasets_said, policy_said


class Place(Struct, frozen=True):
    """Where is recorded, and under whose name. ``configuration`` is its text, of which a digest is kept."""

    sensor: str
    ledger: Path
    ledger_key: Path
    state: Path
    retention: Retention
    max_events: int
    configuration: str

    @property
    def filing(self) -> Filing:
        """How records are made."""
        return Filing(self.sensor, self.retention)


class Opened(NamedTuple):
    """What is recorded to, with what brings it up to the ledgers; ``note`` is the outbox's."""

    recording: Recording
    catching_up: CatchingUp
    filing: Filing
    note: str | None


def open_recording(place: Place, standing: Standing, policy: Policy | None, now_ns: int) -> Opened:
    """Open ledgers and outbox, and take their locks. Raises InputError where they cannot be used."""
    filing = place.filing
    with ExitStack() as stack:
        ledgers = Ledgers(place.ledger, place.ledger_key, place.sensor, now_ns)
        stack.callback(ledgers.close)
        outbox = Outbox(place.state, place.max_events, place.sensor, now_ns)
        stack.callback(outbox.close)
        findings, position = outbox.load()
        recording = Recording(ledgers, outbox, Book(policy, findings), filing)
        recording.use(standing, policy)
        opened = Opened(recording, CatchingUp(recording, position, now_ns), filing, outbox.note)
        stack.pop_all()  # it is the caller's to close
    return opened


def standing_at(place: Place, knowledge: Knowledge, tenants: tuple[Tenant, ...], now_ns: int) -> Standing:
    """Return what is in use, as events and ledgers say it; ``tenants`` are those who have a ledger there."""
    return Standing(basis_of(place.sensor, knowledge), tenants, tuple(_notes(place, knowledge, now_ns)))


def tenants_of(policy: Policy | None) -> tuple[Tenant, ...]:
    """Return whose ledgers there are: those of a policy's tenants, and one for what nobody owns."""
    subjects = policy.subjects if policy is not None else ()
    return None, *sorted({each.tenant for each in subjects if each.tenant is not None})


def basis_of(sensor: str, knowledge: Knowledge) -> Basis:
    """Return what findings rest on."""
    policy = knowledge.policy
    return Basis(
        tool=__version__,
        sensor=sensor,
        policy=policy.version if policy is not None else None,
        catalogue=knowledge.catalog.version,
        datasets=knowledge.datasets,
    )


def _notes(place: Place, knowledge: Knowledge, now_ns: int) -> Iterator[Record]:
    filing = place.filing
    yield filing.note("configuration", configuration_said(place.configuration), now_ns)
    yield filing.note("datasets-loaded", datasets_said(knowledge.catalog.version, knowledge.datasets), now_ns)
    if knowledge.policy is not None:
        yield filing.note("policy-loaded", policy_said(knowledge.policy), now_ns)
