"""What decides on connections in a correlator, the same for all of its partitions. Pure.

Correlation happened before: nothing is remembered here, and only where counts go differs from one connection
to the next. Behaviours are looked for where decisions are recorded.
"""

from monitor.aids import Aids
from monitor.behaviours import Behaviours
from monitor.catalog import Catalog
from monitor.pipeline import Pipeline
from monitor.policy import Policy
from monitor.tally import Tally
from monitor.types import Decision
from sensors.connections import Seen
from sensors.interest import Interest


class Judge:
    """Attributes and judges connections. Without a policy everything is attributed and nothing judged."""

    def __init__(
        self,
        catalog: Catalog,
        policy: Policy | None = None,
        aids: Aids = Aids(),  # noqa: B008  immutable
    ) -> None:
        self._pipeline = Pipeline(catalog, policy, aids)
        self._pipeline.behaviours = Behaviours(None, catalog)
        self.interest: Interest = self._pipeline.interest()

    def judge(self, seen: Seen, tally: Tally) -> Decision | None:
        """Return the decision on a connection, if it has to do with LLMs; count it there."""
        self._pipeline.tally = tally
        return next(self._pipeline.feed((seen,)), None)
