"""Looks after what can go wrong while the daemon works: interfaces, or the folder; the disk, and keys.

Each is said once.
"""

from monitor.daemon.parts import Parts
from monitor.daemon.spool_watch import SpoolWatch
from sensors.live import State, Status

CAPTURING = "capturing"  # what a supervisor shows while all is well
_SAYINGS: dict[State, tuple[str, str]] = {
    "up": ("interface up", "nothing is to be done"),
    "down": ("interface down", "bring it up; capture goes on by itself"),
    "gone": (
        "interface gone",
        "bring it back; several threads on it then end the sensor, to be restarted",
    ),
}
_OF_A_FOLDER: dict[State, tuple[str, str]] = {
    "up": ("folder back", "nothing is to be done"),
    "gone": ("folder gone", "bring it back; reading goes on by itself"),
}


class Watch:
    """Tells the log, and whoever asks for readiness, what changed."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._states: dict[str, State] = {}
        self._away: list[str] = []
        self._problem: str | None = None
        self._key_trouble: dict[str, str | None] = {}
        self._unwritten = 0
        self._spool = SpoolWatch(parts.log)

    def look(self, status: Status) -> None:
        """Compare with what was seen before."""
        states = _states(status)
        for name, state in states.items():
            if state != self._states.get(name, "up"):
                self._changed(name, state)
        self._states = states
        self._disk()
        if self._parts.publishing is not None:
            self._spool.look(self._parts.publishing.told())
        self._keys()
        self._readiness(sorted(name for name, state in states.items() if state != "up"))

    def status(self, status: Status) -> dict[str, object]:
        """Return the fields of a status line."""
        tally = self._parts.judge.pipeline.tally
        connections = tally.connections()
        return {
            "packets": sum(source.accounting.read.packets for source in status.sources),
            "dropped": sum(source.dropped for source in status.sources),
            "ring_full": sum(source.freezes for source in status.sources),
            "flows": sum(source.flows for source in status.sources),
            "queued": status.waiting,
            "connections": connections.flows,
            "to_llms": tally.related.flows,
            "outside_policy": tally.outcomes["violation"].flows,
            "unwritten": self._unwritten,
            "waiting": self._parts.recorder.look().unrecorded,
        }

    def _readiness(self, away: list[str]) -> None:
        """Tell the endpoint, and the supervisor what is new, of interfaces that are not up."""
        if away:
            self._parts.health.not_ready(f"not up: {', '.join(away)}")
        else:
            self._parts.health.ready()
        if away != self._away:
            self._parts.supervisor.status(f"not up: {', '.join(away)}" if away else CAPTURING)
        self._away = away

    def _changed(self, name: str, state: State) -> None:
        is_folder, log = self._parts.settings.watch is not None, self._parts.log
        event, mend = (_OF_A_FOLDER if is_folder else _SAYINGS)[state]
        what = {"folder" if is_folder else "interface": name}
        if state == "up":
            log.info(event, **what)
        else:
            log.error(event, **what, mend=mend)

    def _disk(self) -> None:
        """Say when decisions cannot be written, and when they can again."""
        parts, keeping = self._parts, self._parts.recorder.look()
        self._unwritten = sum(keeping.shed.values())
        if keeping.problem == self._problem:
            return
        if keeping.problem is not None:
            parts.log.error("decisions wait", problem=keeping.problem)
        else:
            parts.log.info("decisions are written again", unwritten=self._unwritten)
        self._problem = keeping.problem

    def _keys(self) -> None:
        """Say when a key of pseudonyms cannot be kept (after a restart they are others), or not deleted."""
        parts = self._parts
        if parts.pseudonyms is None:
            return
        trouble = {"key not kept": parts.pseudonyms.problem, "key not deleted": parts.pseudonyms.undeleted}
        for event, problem in trouble.items():
            if problem is not None and problem != self._key_trouble.get(event):
                parts.log.error(event, problem=problem)
        self._key_trouble = trouble


def _states(status: Status) -> dict[str, State]:
    """Return how each interface fares: as the worst of its threads says."""
    return {
        source.name: source.state for source in sorted(status.sources, key=lambda each: each.state != "up")
    }
