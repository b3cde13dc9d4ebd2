"""Tells the recorder what is judged by: at the start, and after each reload."""

from monitor.app import Knowledge
from monitor.daemon.recorder import Recorder
from monitor.recording.core import Standing
from monitor.recording.opening import Place, standing_at, tenants_of
from monitor.settings import Settings


def use(recorder: Recorder, settings: Settings, knowledge: Knowledge, now_ns: int) -> None:
    """Have findings judged, and ledgers begun, by what is in use from now on."""
    recorder.use(standing(settings, knowledge, now_ns), knowledge.policy)


def standing(settings: Settings, knowledge: Knowledge, now_ns: int) -> Standing:
    """Return what is in use, as events and ledgers say it."""
    return standing_at(place_of(settings), knowledge, tenants_of(knowledge.policy), now_ns)


def place_of(settings: Settings) -> Place:
    """Return where the daemon records."""
    return Place(
        sensor=settings.sensor,
        ledger=settings.ledger,
        ledger_key=settings.ledger_key,
        state=settings.state,
        retention=settings.config.ledger.retention_days,
        max_events=settings.config.outbox.max_events,
        configuration=settings.source.text,
    )
