"""A sensor that only publishes: no policy decides here, nothing is recorded, and nothing waits for a verdict.

What is in use is read all the same: it says which names are everybody's, and is read again on SIGHUP.
"""

import time
from collections.abc import Iterable

from monitor.app import Knowledge
from monitor.daemon import totals
from monitor.daemon.losses import Losses
from monitor.daemon.parts import CommonParts
from monitor.daemon.publishing import Publishing
from monitor.daemon.reload import described
from monitor.daemon.spool_watch import SpoolWatch
from monitor.daemon.windows import Windows
from monitor.exitstatus import Exit
from monitor.metrics import Levels
from sensors.live import Status
from sensors.observations import Gap

PUBLISHING = "publishing"  # what a supervisor shows while all is well
WAIT_SECONDS = 0.2
ROUND_SECONDS = 1.0
DRAIN_SECONDS = 2.5  # for what is left, when the end is asked for


class Relay:
    """The daemon at work, until it is told to end."""

    def __init__(self, parts: CommonParts, publishing: Publishing) -> None:
        self._parts = parts
        self._publishing = publishing
        self._is_live = parts.settings.watch is None
        self._losses = Losses(parts, Windows(parts.settings.sensor, time.time_ns(), live=self._is_live))
        self._spool = SpoolWatch(parts.log)
        self._states: dict[str, str] = {}
        self._next_round = time.monotonic()
        self._deadline: float | None = None

    def run(self) -> Exit:
        """Work until the end is asked for, and all that was seen by then is in the spool."""
        parts = self._parts
        parts.sensor.start()
        parts.health.ready()
        parts.supervisor.ready(PUBLISHING)
        parts.log.info("started", engine=parts.sensor.engine, sensor=parts.settings.sensor, judges=False)
        while parts.sensor.next_batch(WAIT_SECONDS) is not None:
            self._publish(now=not self._is_live)
            if self._is_over():
                break
            while not (self._is_live or self._publishing.has_room() or self._is_over()):
                time.sleep(WAIT_SECONDS)
        self._publish(now=True)
        self._publishing.finish(self._count())
        parts.health.not_ready("stopped")
        if parts.wishes.end:
            parts.log.info("stopped", **self._said())
            return Exit.DONE
        parts.log.error("capture ended", mend="see the lines above; start it again")
        return Exit.UNREADABLE

    def _publish(self, *, now: bool = False) -> None:
        self._lost(self._publishing.pump(self._parts.sensor, now=now))

    def _lost(self, gaps: Iterable[Gap]) -> None:
        for gap in gaps:
            self._losses.gap(gap)

    def _is_over(self) -> bool:
        """Look after the rest where it is time; tell whether the time for what is left is over."""
        parts, now = self._parts, time.monotonic()
        if now >= self._next_round:
            self._next_round = now + ROUND_SECONDS
            self._turn(time.time_ns())
        if not parts.wishes.end:
            return False
        if self._deadline is None:
            self._deadline = now + DRAIN_SECONDS
            parts.supervisor.stopping()
            parts.sensor.stop()
        return now >= self._deadline

    def _turn(self, now_ns: int) -> None:
        parts = self._parts
        status = self._count()
        self._lost(self._publishing.turn(parts.sensor, status, now_ns))
        self._spool.look(self._publishing.told())
        self._look(status)
        self._reload()
        if parts.wishes.take_status():
            parts.log.info("status", **self._said())
        parts.health.beat()
        parts.supervisor.alive()

    def _count(self) -> Status:
        parts = self._parts
        status = parts.sensor.status()
        parts.metrics.accounted(totals.accounting(status))
        self._losses.look(status)
        flows = sum(source.flows for source in status.sources)
        up = any(source.state == "up" for source in status.sources)
        most_flows = parts.settings.config.limits.flows * len(status.sources)
        parts.metrics.measured(Levels(flows, most_flows, status.waiting, capturing=up))
        parts.metrics.published(self._publishing.told())
        return status

    def _look(self, status: Status) -> None:
        """Say once which sources are not up."""
        parts = self._parts
        for source in status.sources:
            if source.state != self._states.get(source.name, "up"):
                say = parts.log.info if source.state == "up" else parts.log.error
                say("source", name=source.name, state=source.state)
            self._states[source.name] = source.state
        away = sorted(name for name, state in self._states.items() if state != "up")
        if away:
            parts.health.not_ready(f"not up: {', '.join(away)}")
        else:
            parts.health.ready()

    def _reload(self) -> None:
        """Begin a reload that was asked for; end one whose files are read."""
        parts = self._parts
        if parts.wishes.take_reload():
            parts.supervisor.reloading(time.monotonic_ns())
            parts.reloading.begin()
        result = parts.reloading.result()
        if result is None:
            return
        if isinstance(result, Knowledge):
            self._use(result)
        else:
            for line in str(result).splitlines():
                parts.log.error("reload failed, the old one stays in use", problem=line)
        parts.metrics.reloaded(time.time(), ok=isinstance(result, Knowledge))
        if not parts.reloading.busy:
            parts.supervisor.ready(PUBLISHING)

    def _use(self, knowledge: Knowledge) -> None:
        parts, judge = self._parts, self._parts.judge
        judge.knowledge = knowledge
        judge.pipeline = judge.pipeline.reloaded(knowledge.catalog, knowledge.policy, knowledge.aids())
        parts.sensor.retarget(judge.pipeline.interest())
        parts.metrics.load(knowledge)
        parts.log.info("reloaded", **described(knowledge))

    def _said(self) -> dict[str, object]:
        told = self._publishing.told()
        return {
            "parcels": told.parcels,
            "spooled_bytes": told.waiting_bytes,
            "unpublished": told.unpublished,
        }
