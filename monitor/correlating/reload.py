"""Puts new knowledge in the place of the old, or keeps the old and says why."""

import time
from collections.abc import Sequence

from structlog.typing import FilteringBoundLogger

from monitor.app import Knowledge
from monitor.correlating.line import Line
from monitor.daemon.reload import described
from monitor.daemon.reloading import Reloading
from monitor.metrics.fleet import FleetMetrics


class Reload:
    """What follows from SIGHUP."""

    def __init__(
        self, reloading: Reloading, lines: Sequence[Line], metrics: FleetMetrics, log: FilteringBoundLogger
    ) -> None:
        self._reloading, self._lines, self._metrics, self._log = reloading, lines, metrics, log

    def go_on(self, *, asked: bool) -> None:
        """Begin a reload that was asked for; end one whose files are read."""
        if asked:
            self._reloading.begin()
        result = self._reloading.result()
        if result is None:
            return
        is_new = isinstance(result, Knowledge)
        if isinstance(result, Knowledge):
            for line in self._lines:
                line.use(result)
            self._metrics.load(result)
            self._log.info("reloaded", **described(result))
        else:
            for text in str(result).splitlines():
                self._log.error("reload failed, the old one stays in use", problem=text)
        self._metrics.reloaded(time.time(), ok=is_new)
