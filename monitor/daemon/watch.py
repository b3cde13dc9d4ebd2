"""Looks after what can go wrong while the daemon works: interfaces, losses, the disk. Each is said once."""

from monitor.daemon.parts import Parts
from sensors.live import SourceStatus, Status

_SAYINGS = {
    "up": ("interface up", "nothing is to be done"),
    "down": ("interface down", "bring it up; capture goes on by itself"),
    "gone": ("interface gone", "bring it back; if capture does not go on, start the sensor again"),
}


class Watch:
    """Tells the log, and whoever asks for readiness, what changed."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._states: dict[int, str] = {}
        self._dropped = 0
        self._problem: str | None = None
        self._unwritten = 0

    def look(self, status: Status) -> None:
        """Compare with what was seen before."""
        for number, source in enumerate(status.sources):
            before = self._states.get(number, "up")
            if source.state != before:
                self._changed(source)
            self._states[number] = source.state
        self._losses(status)
        self._disk()
        away = sorted({source.name for source in status.sources if source.state != "up"})
        if away:
            self._parts.health.not_ready(f"not up: {', '.join(away)}")
        else:
            self._parts.health.ready()

    def status(self, status: Status) -> dict[str, object]:
        """Return the fields of a status line."""
        tally = self._parts.judge.pipeline.tally
        connections = tally.connections()
        return {
            "packets": sum(source.accounting.read.packets for source in status.sources),
            "dropped": sum(source.dropped for source in status.sources),
            "flows": sum(source.flows for source in status.sources),
            "queued": status.waiting,
            "connections": connections.flows,
            "to_llms": tally.related.flows,
            "outside_policy": tally.outcomes["violation"].flows,
            "unwritten": self._unwritten,
        }

    def _changed(self, source: SourceStatus) -> None:
        event, mend = _SAYINGS[source.state]
        log = self._parts.log
        if source.state == "up":
            log.info(event, interface=source.name)
        else:
            log.error(event, interface=source.name, mend=mend)

    def _losses(self, status: Status) -> None:
        dropped = sum(source.dropped for source in status.sources)
        if dropped > self._dropped:
            mend = "raise capture.ring_bytes or capture.threads"
            self._parts.log.warning("packets lost", packets=dropped - self._dropped, reason="ring", mend=mend)
        self._dropped = dropped

    def _disk(self) -> None:
        """Say when decisions cannot be written, and when they can again."""
        parts = self._parts
        unwritten = sum(parts.store.counters().unwritten.values())
        parts.metrics.unwritten(unwritten - self._unwritten)
        self._unwritten = unwritten
        if parts.store.problem == self._problem:
            return
        if parts.store.problem is not None:
            parts.log.error("decisions wait", problem=parts.store.problem)
        else:
            parts.log.info("decisions are written again", unwritten=unwritten)
        self._problem = parts.store.problem
