"""Puts new knowledge in the place of the old, at one point of the stream, or keeps the old and says why."""

import time
from pathlib import Path

from monitor.app import Knowledge
from monitor.daemon.losses import Losses
from monitor.daemon.parts import Parts
from monitor.daemon.telling import use
from monitor.daemon.watch import CAPTURING
from monitor.daemon.windows import Windows
from monitor.files import InputError, read_source


class Reload:
    """What follows from SIGHUP."""

    def __init__(self, parts: Parts, windows: Windows, losses: Losses) -> None:
        self._parts = parts
        self._windows = windows
        self._losses = losses

    def go_on(self) -> None:
        """Begin a reload that was asked for; end one whose files are read."""
        parts = self._parts
        if parts.wishes.end:
            return
        if parts.wishes.take_reload():
            parts.supervisor.reloading(time.monotonic_ns())
            self._look_at_configuration()
            parts.reloading.begin()
        result = parts.reloading.result()
        if result is None:
            return
        if isinstance(result, Knowledge):
            self._use(result)
            parts.log.info("reloaded", **described(result))
        else:
            for line in str(result).splitlines():
                parts.log.error("reload failed, the old one stays in use", problem=line)
        parts.metrics.reloaded(time.time(), ok=isinstance(result, Knowledge))
        if not parts.reloading.busy:
            parts.supervisor.ready(CAPTURING)

    def _look_at_configuration(self) -> None:
        """Say where the configuration changed: it is read at the start alone."""
        source = self._parts.settings.source
        try:
            changed = read_source(Path(source.path)).text != source.text
        except InputError as error:
            self._parts.log.warning("configuration not read", problem=str(error))
            return
        if changed:
            self._parts.log.warning("configuration changed", mend="restart the sensor to use it")

    def _use(self, knowledge: Knowledge) -> None:
        """Judge by it from here on. What was counted under the old one is taken before."""
        parts, old = self._parts, self._parts.judge.pipeline
        new = old.reloaded(knowledge.catalog, knowledge.policy, knowledge.aids())
        counted = parts.sensor.retarget(new.interest())
        old.count(counted)
        self._losses.shed(counted.shed)
        parts.metrics.covered(old.tally)
        parts.metrics.load(knowledge)
        parts.judge.knowledge, parts.judge.pipeline = knowledge, new
        use(parts.recorder, parts.settings, knowledge, time.time_ns())
        self._windows.restart(old.tally)


def described(knowledge: Knowledge) -> dict[str, object]:
    """Return the fields of a log line that says what is in use."""
    return {
        "policy": knowledge.policy.version if knowledge.policy is not None else None,
        "catalogue": knowledge.catalog.version,
        "datasets": list(knowledge.datasets),
    }
