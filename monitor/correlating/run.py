"""Puts a correlator together, and lets it work until a signal ends it: SIGTERM, SIGINT. SIGHUP reloads.

Correlating and recording are lines of their own; where both are done here, recording has its own thread.
"""

import gc
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import Event, Thread
from typing import Literal

from structlog.typing import FilteringBoundLogger

from monitor import app
from monitor.correlating.line import CorrelatingLine, Line, RecordingLine
from monitor.correlating.reload import Reload
from monitor.daemon.health import Health
from monitor.daemon.http import Endpoint
from monitor.daemon.listening import listen
from monitor.daemon.reload import described
from monitor.daemon.reloading import Reloading
from monitor.daemon.signals import Wishes
from monitor.exitstatus import Exit
from monitor.files import InputError
from monitor.fleet.consuming import Knowing, Plan
from monitor.fleet.hiding import FleetPseudonyms
from monitor.fleet.judging import Judge
from monitor.fleet.merging import Bounds
from monitor.fleet.recording.plan import Plan as RecordingPlan
from monitor.fleet.settings import FleetSettings, connection, secret_of
from monitor.fleet.telling import check_options
from monitor.logs import start_logging
from monitor.metrics.fleet import FleetMetrics
from sensors.relayed import MISSING, Relayed

STDERR = 2
GARBAGE = 100_000  # objects that came, between two looks for garbage
SWITCH_SECONDS = 0.0005  # that a scrape may keep a line waiting
ROUND_SECONDS = 1.0
JOIN_SECONDS = 30.0

Part = Literal["correlate", "record"]


def run(settings: FleetSettings, parts: Sequence[Part]) -> Exit:
    """Work until a signal ends it. Raises InputError, DocumentError at the start."""
    config = settings.config
    if MISSING and "correlate" in parts:
        mend = "install where cargo is; see `residency doctor`"
        raise InputError("correlate", f"the native engine is not there: {MISSING}", mend)
    journal = os.environ.get("JOURNAL_STREAM", "")
    log = start_logging(config.log.level, config.log.format, STDERR, time.monotonic_ns, journal).log
    wishes = Wishes()
    wishes.listen()
    sys.setswitchinterval(SWITCH_SECONDS)
    with ExitStack() as stack:
        knowledge = load(settings)
        series, records = config.metrics.max_series, "record" in parts
        metrics, health = FleetMetrics(config.fleet, series, time.time(), records=records), Health()
        metrics.load(knowledge)
        log.info("loaded", **described(knowledge))
        check_options(connection(config.kafka, settings.folder))
        spare_garbage()
        lines = [_line(part, settings, knowledge, (metrics, log)) for part in parts]
        _serve(settings, metrics, health, stack)
        reload = Reload(Reloading(lambda: load(settings)), lines, metrics, log)
        with _beside(lines[1:]) as threads:
            _work(lines, reload, health, wishes, threads)
        if not wishes.end:
            log.critical("recording ended", mend="report the lines above: it is a mistake in the program")
            return Exit.UNREADABLE  # a supervisor starts another one, which goes on where this one was
        log.info("stopped")
    return Exit.DONE


def load(settings: FleetSettings) -> app.Knowledge:
    """Read what is judged by. Raises InputError, DocumentError."""
    knowledge = app.load_knowledge(settings.policy, settings.catalogs, settings.geoips, settings.choice)
    return app.with_physics(knowledge, settings.site)


def spare_garbage() -> None:
    """Look for garbage in what is loaded no more, and in what comes seldom: hardly any is in cycles."""
    gc.freeze()
    gc.set_threshold(GARBAGE)


def _work(
    lines: Sequence[Line], reload: Reload, health: Health, wishes: Wishes, threads: Sequence[Thread]
) -> None:
    """Turn the first line, and once a second look after the rest, until the end is asked for.

    It ends, too, where a thread did: nothing would be recorded any more.
    """
    next_round = 0.0
    while not wishes.end and all(each.is_alive() for each in threads):
        lines[0].turn()
        if time.monotonic() < next_round:
            continue
        next_round = time.monotonic() + ROUND_SECONDS
        reload.go_on(asked=wishes.take_reload())
        problems = [problem for problem in [line.look() for line in lines] if problem is not None]
        health.beat()
        if problems:
            health.not_ready(problems[0])
        else:
            health.ready()
    lines[0].close()


@contextmanager
def _beside(lines: Sequence[Line]) -> Iterator[Sequence[Thread]]:
    """Turn lines in threads of their own meanwhile."""
    end = Event()

    def work(line: Line) -> None:
        while not end.is_set():
            line.turn()
        line.close()

    threads = [Thread(target=work, args=(line,), name="recording", daemon=True) for line in lines]
    for thread in threads:
        thread.start()
    try:
        yield threads
    finally:
        end.set()
        for thread in threads:
            thread.join(JOIN_SECONDS)


def _serve(settings: FleetSettings, metrics: FleetMetrics, health: Health, stack: ExitStack) -> None:
    """Hand out metrics and health from now on."""
    listener = stack.enter_context(listen(settings.config.metrics.address, settings.config.metrics.port))
    endpoint = Endpoint(listener, metrics.expose, health)
    endpoint.start()
    stack.callback(endpoint.stop)


def _line(
    part: Part,
    settings: FleetSettings,
    knowledge: app.Knowledge,
    told: tuple[FleetMetrics, FilteringBoundLogger],
) -> Line:
    """Return one of the lines. Raises InputError."""
    metrics, log = told
    log = log.bind(part=part)
    if part == "record":
        return RecordingLine(_recording_plan(settings), knowledge, metrics, log)
    secret, limits = secret_of(settings), settings.config.name_limits
    rotate_days = settings.config.privacy.pseudonyms.rotate_days
    knowing = Knowing(
        judge=judge_of(knowledge),
        correlating=lambda judge: Relayed(judge.interest, limits),
        told=lambda said: metrics.decided(said.decision),
        pseudonyms=FleetPseudonyms(secret, rotate_days) if secret is not None else None,
    )
    return CorrelatingLine(_plan(settings), knowing, judge_of, metrics, log)


def judge_of(knowledge: app.Knowledge) -> Judge:
    """Return what decides by it."""
    return Judge(knowledge.catalog, knowledge.policy, knowledge.aids())


def _plan(settings: FleetSettings) -> Plan:
    config, merging = settings.config, settings.config.merging
    return Plan(
        kafka=connection(config.kafka, settings.folder),
        observations=config.topics.observations,
        decisions=config.topics.decisions,
        group=config.groups.correlate,
        window_ms=settings.window_ms,
        bounds=Bounds(
            merging.hold_seconds, merging.patience_seconds, merging.held_bytes, settings.coverage_ns
        ),
    )


def _recording_plan(settings: FleetSettings) -> RecordingPlan:
    config = settings.config
    return RecordingPlan(
        name=config.fleet,
        kafka=connection(config.kafka, settings.folder),
        topic=config.topics.decisions,
        group=config.groups.record,
        root=settings.root,
        key=settings.ledger_key,
        retention=config.ledger.retention_days,
        max_events=config.outbox.max_events,
        sinks=tuple(sink.name for sink in config.sinks),
        configuration=settings.source.text,
        pseudonyms=config.privacy.pseudonyms.enabled,
    )
