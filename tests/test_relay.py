"""A daemon that only publishes: of a capture in a folder all is in the spool before it counts as read."""

import os
import shutil
from pathlib import Path

from monitor.app import load_knowledge
from monitor.config import READ_STATE
from monitor.daemon.interfaces import Interfaces
from monitor.daemon.notify import open_supervisor
from monitor.daemon.parts import Judge
from monitor.daemon.publishing import Publishing
from monitor.daemon.relay import Relay
from monitor.daemon.reloading import Reloading
from monitor.daemon.signals import Wishes
from monitor.exitstatus import Exit
from monitor.fleet.spool import SpoolWriter
from monitor.pipeline import Pipeline
from monitor.settings import load_settings
from sensors.live import Manner
from sensors.live_folder import watch_folder
from sensors.publishing import Publishing as Plan
from sensors.series import ReferenceSeries
from tests.parts_kit import SENSOR, Told
from tests.publish_kit import KEY, LIMIT, observed, observed_in, spooled
from tests.state_kit import DEMO, made

LINGER_SECONDS = 3_600.0


class Outlet:
    """What goes out as a whole ends the daemon, and is looked at."""

    last = None

    def __init__(self, publishing: Publishing, spool: Path, wishes: Wishes) -> None:
        self.observations: list[int] = []
        self._publishing, self._spool, self._wishes = publishing, spool, wishes

    def begin(self) -> bool:
        return self._publishing.begin()

    def end(self, mark: str) -> bool:
        is_out = self._publishing.end(mark)
        self.observations.append(len(list(observed_in(spooled(self._spool)))))
        self._wishes.end = True
        return is_out


def read_of(capture: Path, manner: Manner) -> int:
    """Return how many observations there are when a capture was read, and flows go on."""
    series = ReferenceSeries(manner)
    series.add(capture)
    while series.is_reading:
        series.next_batch()
    return sum(cut.count for cut in series.published(cut=True).cuts)


def test_all_of_a_capture_is_in_the_spool_when_it_counts_as_read(tmp_path: Path) -> None:
    settings, wishes, log = load_settings(made(tmp_path)), Wishes(), Told(tmp_path)
    for name in ("a.pcap", "b.pcap"):  # what is older than another one is whole
        shutil.copy(DEMO, tmp_path / "captures" / name)
    knowledge = load_knowledge(settings.policy)
    pipeline = Pipeline(knowledge.catalog, knowledge.policy, knowledge.aids())
    spool = tmp_path / "spool"
    spool.mkdir()
    writer = SpoolWriter(spool, LIMIT)
    publishing = Publishing(SENSOR, writer, KEY.encode(), LINGER_SECONDS, live=False)
    outlet = Outlet(publishing, spool, wishes)
    manner = Manner(pipeline.interest(), publishing=Plan(KEY.encode(), judge=False))
    parts = log.parts(
        settings=settings,
        sensor=watch_folder(tmp_path / "captures", manner, "dpkt", tmp_path / READ_STATE, outlet),
        judge=Judge(knowledge, pipeline),
        interfaces=Interfaces(()),
        supervisor=open_supervisor({}, os.getpid()),
        wishes=wishes,
        reloading=Reloading(lambda: knowledge),
    )
    assert Relay(parts, publishing).run() == Exit.DONE
    writer.close()
    log.close()
    assert outlet.observations == [read_of(DEMO, manner), len(observed(DEMO))]
