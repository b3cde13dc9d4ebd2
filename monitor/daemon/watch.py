"""Looks after what can go wrong while the daemon works: interfaces, the disk, keys. Each is said once."""

from monitor.daemon.parts import Parts
from sensors.live import State, Status

_SAYINGS: dict[State, tuple[str, str]] = {
    "up": ("interface up", "nothing is to be done"),
    "down": ("interface down", "bring it up; capture goes on by itself"),
    "gone": (
        "interface gone",
        "bring it back; several threads on it then end the sensor, to be restarted",
    ),
}


class Watch:
    """Tells the log, and whoever asks for readiness, what changed."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._states: dict[str, State] = {}
        self._problem: str | None = None
        self._key_problem: str | None = None
        self._unwritten = 0

    def look(self, status: Status) -> None:
        """Compare with what was seen before."""
        states = _states(status)
        for name, state in states.items():
            if state != self._states.get(name, "up"):
                self._changed(name, state)
        self._states = states
        self._disk()
        self._keys()
        away = sorted(name for name, state in states.items() if state != "up")
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
            "waiting": sum(self._parts.store.counters().waiting.values()),
        }

    def _changed(self, name: str, state: State) -> None:
        event, mend = _SAYINGS[state]
        log = self._parts.log
        if state == "up":
            log.info(event, interface=name)
        else:
            log.error(event, interface=name, mend=mend)

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

    def _keys(self) -> None:
        """Say when a key of pseudonyms cannot be kept: after a restart they are others."""
        parts = self._parts
        problem = parts.pseudonyms.problem if parts.pseudonyms is not None else None
        if problem is not None and problem != self._key_problem:
            parts.log.error("key not kept", problem=problem)
        self._key_problem = problem


def _states(status: Status) -> dict[str, State]:
    """Return how each interface fares: as the worst of its threads says."""
    return {
        source.name: source.state for source in sorted(status.sources, key=lambda each: each.state != "up")
    }
