"""Opens what the daemon records to, and brings the outbox up to the ledger."""

import time
from contextlib import ExitStack

from structlog.typing import FilteringBoundLogger

from monitor.app import Knowledge
from monitor.daemon.recorder import Recorder
from monitor.daemon.telling import place_of, standing
from monitor.recording.chores import Chores
from monitor.recording.opening import Opened
from monitor.recording.opening import open_recording as open_at
from monitor.settings import Settings


def open_recording(settings: Settings, knowledge: Knowledge, now_ns: int) -> Opened:
    """Open ledgers and outbox, and take their locks. Raises InputError where they cannot be used."""
    return open_at(place_of(settings), standing(settings, knowledge, now_ns), knowledge.policy, now_ns)


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
