"""Puts the daemon together, in the order that its rights allow, and lets it work.

First what takes rights: rings, the metrics' socket, the look at other processes. Then rights are given up,
and files are opened as the user who is left. Then the process is confined, and only then its threads start.
"""

import gc
import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from structlog.typing import FilteringBoundLogger

from monitor import app
from monitor.correlator import Correlator
from monitor.daemon.decisions import DecisionStore, Writing
from monitor.daemon.health import Health
from monitor.daemon.http import Endpoint
from monitor.daemon.listening import listen
from monitor.daemon.logs import start_logging
from monitor.daemon.loop import Loop
from monitor.daemon.notify import open_supervisor
from monitor.daemon.parts import Judge, Parts
from monitor.daemon.pseudonyms import RotatingPseudonyms
from monitor.daemon.reload import described
from monitor.daemon.reloading import Reloading
from monitor.daemon.rights import confine_process, give_up_rights
from monitor.daemon.signals import Wishes
from monitor.daemon.sources import open_source
from monitor.exitstatus import Exit
from monitor.files import InputError
from monitor.metrics import Metrics
from monitor.pipeline import Pipeline
from monitor.settings import Settings

if TYPE_CHECKING:
    from monitor.owners import Owners

STDERR = 2


def run(settings: Settings) -> Exit:
    """Watch, judge and tell until a signal ends it.

    Raises InputError, DocumentError and CaptureError at the start.
    """
    config = settings.config
    journal = os.environ.get("JOURNAL_STREAM", "")
    logs = start_logging(config.log.level, config.log.format, STDERR, time.monotonic_ns, journal)
    with ExitStack() as stack:
        parts = _assemble(settings, logs.log, stack)
        gc.freeze()  # what was loaded stays, and need not be looked through for garbage again and again
        return Loop(parts).run()


def load(settings: Settings) -> app.Knowledge:
    """Read what the daemon judges by."""
    knowledge = app.load_knowledge(settings.policy, settings.catalogs, settings.geoips, settings.choice)
    return app.with_physics(knowledge, settings.site)


def _assemble(settings: Settings, log: FilteringBoundLogger, stack: ExitStack) -> Parts:
    """Build the parts. What has to be closed is left to the stack."""
    config = settings.config
    wishes = Wishes()
    wishes.listen()
    supervisor = open_supervisor(os.environ, os.getpid())
    stack.callback(supervisor.close)
    knowledge = load(settings)
    log.info("loaded", **described(knowledge))
    pipeline = Pipeline(
        knowledge.catalog, knowledge.policy, knowledge.aids(), Correlator(config.name_limits, eager=True)
    )
    sensor = open_source(settings, pipeline.interest())
    listener = listen(config.metrics.address, config.metrics.port)
    owners = _owners(stack) if config.processes else None
    give_up_rights(settings, log)
    store = DecisionStore(
        settings.decisions, config.decisions.retention_days, time.time_ns(), Writing(settings.sensor)
    )
    stack.callback(store.close)
    for repaired in store.repaired:
        log.warning("a cut line was removed", file=Path(repaired.path).name, bytes=repaired.cut_bytes)
    pseudonyms = None
    if config.privacy.pseudonyms.enabled:
        rotate_days = config.privacy.pseudonyms.rotate_days
        pseudonyms = RotatingPseudonyms(settings.keys, rotate_days, time.time_ns())
    confine_process(settings, log)
    metrics = Metrics(settings.sensor, config.metrics.max_series)
    metrics.started(time.time())
    metrics.load(knowledge)
    health = Health()
    endpoint = Endpoint(listener, metrics.expose, health)
    endpoint.start()
    stack.callback(endpoint.stop)
    return Parts(
        settings=settings,
        sensor=sensor,
        judge=Judge(knowledge, pipeline),
        metrics=metrics,
        store=store,
        health=health,
        supervisor=supervisor,
        wishes=wishes,
        reloading=Reloading(lambda: load(settings)),
        log=log,
        owners=owners,
        pseudonyms=pseudonyms,
    )


def _owners(stack: ExitStack) -> "Owners":
    """Start the look at whose sockets are whose. Raises InputError."""
    from monitor.owners import Owners, OwnersUnavailableError  # noqa: PLC0415  only where it is asked for

    try:
        return stack.enter_context(Owners())
    except OwnersUnavailableError as error:
        raise InputError("processes", str(error), "set `processes: false`") from None
