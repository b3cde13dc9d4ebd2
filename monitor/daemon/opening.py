"""Opens ledger, findings and outbox, and brings the outbox up to the ledger."""

import time
from contextlib import ExitStack

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


def open_recorder(
    settings: Settings, knowledge: Knowledge, log: FilteringBoundLogger, stack: ExitStack
) -> Recorder:
    """Open what is recorded to, as the user who is left. Raises InputError where it cannot be used."""
    config, now_ns = settings.config, time.time_ns()
    filing = Filing(settings.sensor, config.ledger.retention_days)
    ledgers = Ledgers(settings.ledger, settings.ledger_key, settings.sensor, now_ns)
    outbox = Outbox(settings.state, config.outbox.max_events, settings.sensor, now_ns)
    if outbox.note is not None:
        log.error("findings made anew from the ledger", problem=outbox.note)
    findings, position = outbox.load()
    recording = Recording(ledgers, outbox, Book(knowledge.policy, findings), filing)
    recording.use(standing(settings, knowledge, now_ns), knowledge.policy)
    catching_up = CatchingUp(recording, position, now_ns)
    chores = Chores(recording, filing, settings.state, [sink.name for sink in config.sinks])
    recorder = Recorder(recording, catching_up, chores, filing)
    stack.callback(recorder.release)
    return recorder
