"""Partitions as queues of work, and correlators that serve them, each with one core."""

from collections import deque
from collections.abc import Sequence

import msgspec
import numpy as np

from benchmarks.model.world import Array

EPSILON_S = 1e-12


class Chunk(msgspec.Struct):
    """What came to a partition in one step. ``late`` of the observations came behind what was judged."""

    at_s: float
    work_s: float  # of processor time
    observations: float
    late: float = 0.0


class Queue:
    """One partition. ``judged`` and ``late`` are observations, ``rebuild_s`` work to be done again first."""

    def __init__(self) -> None:
        self.judged = self.late = self.rebuild_s = self.rebuilt_s = 0.0
        self._chunks: deque[Chunk] = deque()

    def put(self, chunk: Chunk) -> None:
        """Take what came."""
        if chunk.work_s > 0:
            self._chunks.append(chunk)

    def serve(self, seconds: float) -> float:
        """Do what there is to do, for so much processor time at most; return how much that was."""
        again = min(self.rebuild_s, seconds)
        self.rebuild_s -= again
        self.rebuilt_s += again
        left = seconds - again
        while self._chunks and left > EPSILON_S:
            chunk = self._chunks[0]
            if chunk.work_s <= left:
                left -= chunk.work_s
                self.judged += chunk.observations
                self.late += chunk.late
                self._chunks.popleft()
            else:
                self._serve_some(chunk, left / chunk.work_s)
                left = 0.0
        return seconds - left

    def _serve_some(self, chunk: Chunk, share: float) -> None:
        observations, late = chunk.observations * share, chunk.late * share
        self.judged += observations
        self.late += late
        chunk.observations -= observations
        chunk.late -= late
        chunk.work_s *= 1 - share

    def is_waiting(self) -> bool:
        """Whether there is anything to do."""
        return bool(self._chunks) or self.rebuild_s > 0

    def waiting(self) -> float:
        """Return how many observations are not judged."""
        return sum(chunk.observations for chunk in self._chunks)

    def lag_s(self, now_s: float) -> float:
        """Return how long the oldest of them waits."""
        return max(now_s - self._chunks[0].at_s, 0.0) if self._chunks else 0.0


class Correlators:
    """Who serves which queue. Kafka deals partitions out by number, whatever there is in them."""

    def __init__(self, queues: Sequence[Queue], correlators: int) -> None:
        self._queues = queues
        self.owned = [list(range(each, len(queues), correlators)) for each in range(correlators)]
        self._orphans: list[int] = []
        self.busy_s = 0.0

    def turn(self, seconds: float) -> None:
        """Have each work for so long, on its partitions alike, as far as there is anything to do in them."""
        for owned in self.owned:
            waiting = [self._queues[each] for each in owned if self._queues[each].is_waiting()]
            self.busy_s += _shared(waiting, seconds)

    def die(self, number: int) -> list[int]:
        """Let one die; return its partitions, which nobody has until ``take_over``."""
        orphans = self.owned.pop(number)
        self._orphans += orphans
        return orphans

    def take_over(self) -> None:
        """Give what nobody has to those who have the fewest; where nobody is left, one begins anew."""
        if not self.owned:
            self.owned.append([])
        for orphan in self._orphans:
            min(self.owned, key=len).append(orphan)
        self._orphans = []


def _shared(queues: list[Queue], seconds: float) -> float:
    """Serve queues for so long in all, each alike; what one does not need the others get."""
    left = seconds
    while queues and left > EPSILON_S:
        share = left / len(queues)
        used = [queue.serve(share) for queue in queues]
        left -= sum(used)
        queues = [queue for queue in queues if queue.is_waiting()]
    return seconds - left


def busiest(correlators: Correlators, work: Array) -> int:
    """Return the number of the correlator with the most to do."""
    return int(np.argmax([work[owned].sum() for owned in correlators.owned]))


def correlators_needed(work: Array, headroom: float) -> int | None:
    """Return how many correlators keep the busiest one below so much of a core; None where no number does."""
    partitions = len(work)
    for correlators in range(max(int(np.ceil(work.sum() / headroom)), 1), partitions + 1):
        if max(work[each::correlators].sum() for each in range(correlators)) <= headroom:
            return correlators
    return None
