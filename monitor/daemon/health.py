"""Whether the main loop lives, and whether it does what it is for. Written by the loop, read by others."""

import time
from collections.abc import Callable

STALE_SECONDS = 10.0


class Health:
    """Says what is wrong in one line, or nothing."""

    def __init__(
        self, stale_seconds: float = STALE_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stale_seconds = stale_seconds
        self._clock = clock
        self._beat = clock()
        self._waits_for: str | None = "starting"

    def beat(self) -> None:
        """Say that the main loop goes round."""
        self._beat = self._clock()

    def ready(self) -> None:
        """Say that packets are captured, and judged by a policy that is loaded."""
        self._waits_for = None

    def not_ready(self, because: str) -> None:
        """Say what keeps from capturing and judging, in a few words."""
        self._waits_for = because

    def sickness(self) -> str | None:
        """Return why the process should be started anew."""
        silent_seconds = self._clock() - self._beat
        if silent_seconds <= self._stale_seconds:
            return None
        return f"the main loop has not gone round for {silent_seconds:.0f} seconds"

    def unreadiness(self) -> str | None:
        """Return why nothing is observed."""
        return self.sickness() or self._waits_for
