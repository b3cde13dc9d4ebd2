"""What the daemon does once a second: counts, files, signs of life, and what signals asked for."""

import time

from monitor.daemon import totals
from monitor.daemon.losses import Losses
from monitor.daemon.parts import Parts
from monitor.daemon.reload import Reload
from monitor.daemon.watch import CAPTURING, Watch
from monitor.daemon.windows import Windows
from monitor.metrics import Levels
from monitor.recording.records import sensor_said
from sensors.live import Status
from sensors.observations import Gap

CLOSE_SECONDS = 1.5  # for what waits to be recorded, at the end
SECOND_NS = 1_000_000_000
SIGN_SECONDS = 1.5  # between two signs of life, at the most
TIDY_NS = 3_600 * SECOND_NS


class Rounds:
    """Everything but the line itself."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._windows = Windows(parts.settings.sensor, time.time_ns(), live=parts.settings.watch is None)
        self._losses = Losses(parts, self._windows)
        self._reload = Reload(parts, self._windows, self._losses)
        self._watch = Watch(parts)
        self._next_tidy_ns = 0
        self.is_lost = False  # whether nothing is recorded ever more

    def begin(self) -> None:
        """Say that packets are captured and judged."""
        parts = self._parts
        parts.recorder.note(
            "sensor-start", sensor_said(parts.settings.sensor, parts.sensor.engine), time.time_ns()
        )
        parts.health.ready()
        parts.supervisor.ready(CAPTURING)
        parts.log.info("started", engine=parts.sensor.engine, sensor=parts.settings.sensor)
        patience = parts.supervisor.watchdog_seconds
        if patience is not None and patience < SIGN_SECONDS:
            mend = "set WatchdogSec= to 5s or more: a sign of life is given once a second"
            parts.log.warning("watchdog too short", mend=mend)

    def lost(self, gap: Gap) -> None:
        """Note what the sensor could not observe."""
        self._losses.gap(gap)

    def turn(self, now_ns: int) -> None:
        """Do what there is to do."""
        parts = self._parts
        status = self._count()
        if parts.publishing is not None:
            parts.publishing.turn(parts.sensor, status, now_ns)  # its gaps come in the batches, too
        self._watch.look(status)
        self._write(now_ns, status)
        self._reload.go_on()
        if parts.wishes.take_status():
            parts.log.info("status", **self._watch.status(status))
        parts.health.beat()
        parts.supervisor.alive()
        self.is_lost = parts.recorder.look().ended

    def finish(self, now_ns: int, left: int, *, asked: bool) -> None:
        """Count and write what there is, and say how it ended. On what is ``left`` nothing is decided."""
        parts = self._parts
        status = self._count()
        if parts.publishing is not None:
            parts.publishing.finish(status)
        tally = parts.judge.pipeline.tally
        parts.recorder.window(self._windows.close(tally, _packets(status), now_ns, left), now_ns)
        parts.recorder.note("sensor-stop", sensor_said(parts.settings.sensor, parts.sensor.engine), now_ns)
        parts.recorder.close(CLOSE_SECONDS)
        self._say()
        self._watch.look(status)
        parts.health.not_ready("stopped")
        if left:
            mend = "there was more than the last seconds were enough for: give it more processor time"
            parts.log.error("not decided", observations=left, mend=mend)
        keeping = parts.recorder.look()
        if waiting := keeping.unrecorded:
            mend = "the disk took no more: see `decisions wait` above"
            parts.log.error("not written", records=waiting, mend=mend)
        if asked and not self.is_lost:
            parts.log.info("stopped", **self._watch.status(status))
        elif self.is_lost:
            parts.log.error("recording ended", mend="report the lines above: it is a mistake in the program")
        else:
            parts.log.error("capture ended", mend="see the lines above; start it again")

    def _count(self) -> Status:
        """Take what was counted where nothing else comes of it."""
        parts, pipeline = self._parts, self._parts.judge.pipeline
        counted = parts.sensor.counted()
        pipeline.count(counted)
        self._losses.shed(counted.shed)
        status = parts.sensor.status()
        parts.metrics.covered(pipeline.tally)
        parts.metrics.accounted(totals.accounting(status))
        flows = sum(source.flows for source in status.sources)
        up = any(source.state == "up" for source in status.sources)
        for source in status.sources:
            if source.state != "up":
                self._windows.away(source.name)
        if parts.owners is not None:
            parts.metrics.owners(parts.owners.counted().items())
        self._losses.look(status)
        self._losses.unwritten(sum(parts.recorder.look().shed.values()))
        if parts.publishing is not None:
            parts.metrics.published(parts.publishing.told())
        most_flows = parts.settings.config.limits.flows * len(status.sources)
        parts.metrics.measured(Levels(flows, most_flows, status.waiting, capturing=up))
        return status

    def _write(self, now_ns: int, status: Status) -> None:
        parts = self._parts
        if self._windows.is_over(now_ns):
            window = self._windows.close(parts.judge.pipeline.tally, _packets(status), now_ns)
            parts.recorder.window(window, now_ns)
        self._say()
        if not 0 <= self._next_tidy_ns - now_ns <= TIDY_NS:
            self._next_tidy_ns = now_ns + TIDY_NS
            self._tidy(now_ns)

    def _say(self) -> None:
        """Tell the log and the metrics what was recorded."""
        parts = self._parts
        for said in parts.recorder.said():
            (parts.log.error if said.level == "error" else parts.log.info)(said.event, **said.fields)
        parts.metrics.recorded(parts.recorder.recorded())

    def _tidy(self, now_ns: int) -> None:
        """Turn to new keys where it is time."""
        parts = self._parts
        for key in parts.pseudonyms.turn(now_ns) if parts.pseudonyms is not None else ():
            parts.log.info("deleted key", file=key)


def _packets(status: Status) -> int:
    return sum(source.accounting.read.packets for source in status.sources)
