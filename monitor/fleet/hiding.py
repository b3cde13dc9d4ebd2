"""Pseudonyms of a whole fleet: each period's key follows from one secret. Pure.

One client of one tenant has one pseudonym within a period of packet time, whichever correlator decides on it.
Whoever has the secret can try all addresses of all periods: another secret, and the old one gone, ends that.
"""

import hashlib
import hmac

from monitor.pseudonyms import Pseudonyms, period_of
from monitor.types import Decision

MAX_PERIODS = 64  # whose keys are kept
_PURPOSE = b"residency pseudonyms "


class FleetPseudonyms:
    """Replaces clients' addresses by keys that follow from a secret."""

    def __init__(self, secret: bytes, rotate_days: int) -> None:
        self._secret = secret
        self._rotate_days = rotate_days
        self._keys = {0: key_of(secret, 0)}
        self._pseudonyms = Pseudonyms(self._keys, rotate_days)

    def pseudonymised(self, decision: Decision) -> Decision:
        """Return the decision without the address and port of its client, wherever they stand in it."""
        period = period_of(decision.ts_ns, self._rotate_days)
        if period not in self._keys:
            self._know(period)
        return self._pseudonyms.pseudonymised(decision)

    def _know(self, period: int) -> None:
        if len(self._keys) >= MAX_PERIODS:
            self._keys.clear()
        self._keys[period] = key_of(self._secret, period)
        self._pseudonyms.use(self._keys)


def key_of(secret: bytes, period: int) -> bytes:
    """Return a period's key, by its number."""
    return hmac.digest(secret, _PURPOSE + str(period).encode("ascii"), hashlib.sha256)
