"""Tells the log when the spool takes nothing more, and when it does again."""

from structlog.typing import FilteringBoundLogger

from monitor.metrics.spooled import Told

_MEND = "see that `residency publish` runs and reaches its brokers, or raise publish.spool_bytes"


class SpoolWatch:
    """Says it once."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log
        self._problem: str | None = None
        self._unpublished = 0

    def look(self, told: Told) -> None:
        """Compare with what was seen before."""
        if told.problem is not None and told.problem != self._problem:
            self._log.error("observations are given up", problem=told.problem, mend=_MEND)
        elif told.problem is None and self._problem is not None:
            self._log.info("observations are spooled again", unpublished=told.unpublished)
        elif told.problem is None and told.unpublished > self._unpublished:
            mend = "more came at once than there is room for: give the sensor more processor time"
            count = told.unpublished - self._unpublished
            self._log.warning("observations were given up", observations=count, mend=mend)
        self._problem, self._unpublished = told.problem, told.unpublished
