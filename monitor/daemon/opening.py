"""Opens ledger, findings and outbox, and brings the outbox up to the ledger."""

import time
from contextlib import ExitStack
from typing import NamedTuple

from structlog.typing import FilteringBoundLogger

from monitor.app import Knowledge
from monitor.daemon.catching_up import CatchingUp
from monitor.daemon.chores import Chores
from monitor.daemon.recorder import Recorder
from monitor.daemon.recording import Recording
from monitor.daemon.records import Filing
from monitor.daemon.telling import standing
from monitor.findings import Book
from monitor.ledger.tenants import Ledgers
from monitor.outbox.store import Outbox
from monitor.settings import Settings


class Opened(NamedTuple):
    """What is recorded to, with what brings it up to the ledgers; ``note`` is the outbox's."""

    recording: Recording
    catching_up: CatchingUp
    filing: Filing
    note: str | None


def open_recording(settings: Settings, knowledge: Knowledge, now_ns: int) -> Opened:
    """Open ledgers and outbox, and take their locks. Raises InputError where they cannot be used."""
    filing = Filing(settings.sensor, settings.config.ledger.retention_days)
    with ExitStack() as stack:
        ledgers = Ledgers(settings.ledger, settings.ledger_key, settings.sensor, now_ns)
        stack.callback(ledgers.close)
        outbox = Outbox(settings.state, settings.config.outbox.max_events, settings.sensor, now_ns)
        stack.callback(outbox.close)
        findings, position = outbox.load()
        recording = Recording(ledgers, outbox, Book(knowledge.policy, findings), filing)
        recording.use(standing(settings, knowledge, now_ns), knowledge.policy)
        opened = Opened(recording, CatchingUp(recording, position, now_ns), filing, outbox.note)
        stack.pop_all()  # it is the caller's to close
    return opened


def open_recorder(
    settings: Settings, knowledge: Knowledge, log: FilteringBoundLogger, stack: ExitStack
) -> Recorder:
    """Open what is recorded to, as the user who is left. Raises InputError where it cannot be used."""
    recording, catching_up, filing, note = open_recording(settings, knowledge, time.time_ns())
    if note is not None:
        log.error("findings made anew from the ledger", problem=note)
    chores = Chores(recording, filing, settings.state, [sink.name for sink in settings.config.sinks])
    recorder = Recorder(recording, catching_up, chores, filing)
    stack.callback(recorder.release)
    return recorder
