"""What the daemon counts for Prometheus: fed by plain calls from one thread, read by another.

`prometheus_client` takes a tenth of a second to import, so nothing but the daemon imports this package.
"""

from monitor.metrics.exposition import Exposed
from monitor.metrics.metrics import Levels, Metrics

__all__ = ["Exposed", "Levels", "Metrics"]
