"""What an endpoint is for (API, web interface, control plane, ...), as the catalogue says."""

from functools import lru_cache

from monitor.attribution.readings import MAX_ALIASES
from monitor.catalog import Catalog
from monitor.catalog.endpoints import Endpoint, Role
from monitor.types import Attribution, Decision

CACHE = 65_536


class Roles:
    """Finds the role of a decision's endpoint: of the entry that its attribution comes from."""

    def __init__(self, catalog: Catalog) -> None:
        self._by_name = lru_cache(CACHE)(catalog.match_name)
        self._by_address = lru_cache(CACHE)(catalog.match_address)

    def find(self, decision: Decision) -> Role | None:
        """Return the role; None where no entry is behind the attribution."""
        attribution, connection = decision.attribution, decision.connection
        for name in connection.names:
            for value in (name.value, *name.cnames[:MAX_ALIASES]):
                entry = self._by_name(value)
                if entry is not None and _is_of(entry, attribution):
                    return entry.role
        entry = self._by_address(connection.flow.server)
        return entry.role if entry is not None and _is_of(entry, attribution) else None


def _is_of(entry: Endpoint, attribution: Attribution) -> bool:
    return entry.provider == attribution.provider and entry.service == attribution.service
