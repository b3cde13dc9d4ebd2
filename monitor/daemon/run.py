"""Puts the daemon together, in the order that its rights allow, and lets it work.

First what takes rights: rings, the metrics' socket, the look at other processes. Then rights are given up,
and files are opened as the user who is left. Then the process is confined, and only then its threads start.
"""

import gc
import os
import shutil
import socket
import sys
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import asdict
from structlog.typing import FilteringBoundLogger

from monitor import app
from monitor.correlator import Correlator
from monitor.daemon.early import load_early
from monitor.daemon.health import Health
from monitor.daemon.http import Endpoint
from monitor.daemon.interfaces import Interfaces
from monitor.daemon.listening import listen
from monitor.daemon.loop import Loop
from monitor.daemon.notify import open_supervisor
from monitor.daemon.opening import open_recorder
from monitor.daemon.parts import CommonParts, Judge, Parts
from monitor.daemon.pseudonyms import RotatingPseudonyms
from monitor.daemon.recorder import Recorder
from monitor.daemon.relay import Relay
from monitor.daemon.reload import described
from monitor.daemon.reloading import Reloading
from monitor.daemon.rights import confine_process, give_up_rights, make_folders
from monitor.daemon.signals import Wishes
from monitor.daemon.sources import open_source
from monitor.daemon.spooling import fleet_key, open_publishing
from monitor.exitstatus import Exit
from monitor.files import InputError
from monitor.logs import start_logging
from monitor.metrics import Metrics
from monitor.pipeline import Pipeline
from monitor.settings import Settings
from sensors.interest import Interest
from sensors.live import LiveSensor

if TYPE_CHECKING:
    from monitor.owners import Owners

Files = tuple[Recorder, RotatingPseudonyms | None]  # what is written to, opened

STDERR = 2
# How long a scrape may keep the loop waiting: the usual 5 ms would be a verdict's time.
SWITCH_SECONDS = 0.0005


class Taken(Struct, frozen=True):
    """What takes rights to open. A folder to watch takes none: ``sensor`` is then None."""

    sensor: LiveSensor | None
    listener: socket.socket
    interfaces: Interfaces
    owners: "Owners | None"


def run(settings: Settings) -> Exit:
    """Watch, judge and tell until a signal ends it.

    Raises InputError, DocumentError and CaptureError at the start.
    """
    config = settings.config
    journal = os.environ.get("JOURNAL_STREAM", "")
    log = start_logging(config.log.level, config.log.format, STDERR, time.monotonic_ns, journal).log
    wishes = Wishes()
    wishes.listen()
    sys.setswitchinterval(SWITCH_SECONDS)
    with ExitStack() as stack:
        supervisor = open_supervisor(os.environ, os.getpid())
        stack.callback(supervisor.close)
        judge = _judge(settings)
        log.info("loaded", **described(judge.knowledge))
        make_folders(settings)
        key = fleet_key(settings)
        taken = _take(settings, judge.pipeline.interest(), key, stack)
        load_early(settings)
        give_up_rights(settings, log)
        publishing = open_publishing(settings, key, stack)
        judges = config.publish is None or config.publish.judge
        files = _open_files(settings, judge.knowledge, log, stack) if judges else None
        sensor = taken.sensor or open_source(settings, judge.pipeline.interest(), key, publishing)
        metrics, health = Metrics(settings.sensor, config.metrics.max_series), Health()
        metrics.started(time.time())
        metrics.load(judge.knowledge)
        confine_process(settings, log)
        endpoint = Endpoint(taken.listener, metrics.expose, health)
        endpoint.start()
        stack.callback(endpoint.stop)
        gc.freeze()  # what was loaded stays, and need not be looked through for garbage again and again
        common = CommonParts(
            settings=settings,
            sensor=sensor,
            judge=judge,
            metrics=metrics,
            health=health,
            interfaces=taken.interfaces,
            supervisor=supervisor,
            wishes=wishes,
            reloading=Reloading(lambda: load(settings)),
            log=log,
            publishing=publishing,
        )
        return _work(common, files, taken.owners)


def _work(common: CommonParts, files: Files | None, owners: "Owners | None") -> Exit:
    """Judge, or only publish, until a signal ends it."""
    if files is None:
        assert common.publishing is not None  # noqa: S101  what else would there be to do
        return Relay(common, common.publishing).run()
    recorder, pseudonyms = files
    parts = Parts(**asdict(common), recorder=recorder, owners=owners, pseudonyms=pseudonyms)
    recorder.start()
    return Loop(parts).run()


def load(settings: Settings) -> app.Knowledge:
    """Read what the daemon judges by."""
    knowledge = app.load_knowledge(settings.policy, settings.catalogs, settings.geoips, settings.choice)
    return app.with_physics(knowledge, settings.site)


def _judge(settings: Settings) -> Judge:
    knowledge = load(settings)
    correlator = Correlator(settings.config.name_limits, eager=True)
    return Judge(knowledge, Pipeline(knowledge.catalog, knowledge.policy, knowledge.aids(), correlator))


def _take(settings: Settings, interest: Interest, key: bytes | None, stack: ExitStack) -> Taken:
    config = settings.config
    sensor = open_source(settings, interest, key) if settings.watch is None else None
    listener = stack.enter_context(listen(config.metrics.address, config.metrics.port))
    interfaces = Interfaces(config.capture.interfaces)
    stack.callback(interfaces.close)
    owners = _owners(config.security.user, stack) if config.processes else None
    return Taken(sensor, listener, interfaces, owners)


def _owners(user: str, stack: ExitStack) -> "Owners":
    from monitor.owners import Owners, OwnersUnavailableError  # noqa: PLC0415  only where it is asked for

    try:
        return stack.enter_context(Owners(user))
    except OwnersUnavailableError as error:
        mend = "load the kernel modules tcp_diag and udp_diag, or set `processes: false`"
        raise InputError("processes", str(error), mend) from None


def _make_spare(settings: Settings, stack: ExitStack) -> None:
    """Have an empty folder for ranges that a reload compiles; without it, such a reload fails."""
    if settings.data is None:
        return
    shutil.rmtree(settings.ranges, ignore_errors=True)
    stack.callback(shutil.rmtree, settings.ranges, ignore_errors=True)
    with suppress(OSError):
        settings.ranges.mkdir()


def _open_files(
    settings: Settings, knowledge: app.Knowledge, log: FilteringBoundLogger, stack: ExitStack
) -> Files:
    """Open what is written to, as the user who is left."""
    pseudonyms = settings.config.privacy.pseudonyms
    recorder = open_recorder(settings, knowledge, log, stack)
    _make_spare(settings, stack)
    if not pseudonyms.enabled:
        return recorder, None
    return recorder, RotatingPseudonyms(settings.keys, pseudonyms.rotate_days, time.time_ns())
