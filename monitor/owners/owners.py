"""Says who on this host owns a connection: what the daemon asks its helper, `monitor.owners.serve`.

The helper is a process of its own, so that the daemon can give up every right to look at others. The daemon
waits for an answer, but never long, and not often.
"""

import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

import msgspec

from monitor.owners.addresses import REFRESH_NS
from monitor.owners.budget import Budget
from monitor.owners.outcomes import DATAGRAM_BYTES, OUTCOMES, Answer, OwnerOutcome, Question, Ready
from monitor.types import Owner
from sensors.observations import FlowKey

ANSWER_SECONDS = 0.02  # the longest wait for one answer
START_SECONDS = 10
END_SECONDS = 1
MAX_ELSEWHERE = 4_096  # addresses remembered not to be this host's

_SERVE = (sys.executable, "-P", "-m", "monitor.owners.serve")


class OwnersUnavailableError(Exception):
    """Owners cannot be told on this host. The message says why, in a few words."""


class Owners:
    """Made before the process gives up its rights, for the helper keeps what there is then.

    The helper becomes ``user`` where it starts as root. Raises OwnersUnavailableError where it or the kernel
    cannot answer. ``clock`` gives monotonic nanoseconds.
    """

    def __init__(self, user: str, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock = clock
        self._budget = Budget(clock())
        self._counts: Counter[OwnerOutcome] = Counter()
        self._elsewhere: dict[str, int] = {}  # until when, by address
        self._number = 0
        self._decoder = msgspec.msgpack.Decoder(Answer)
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = (*_SERVE, str(theirs.fileno()), user)
            self._helper = subprocess.Popen(  # noqa: S603 - this interpreter, and nothing of others
                command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
            )
        try:
            self._greet()
        except OwnersUnavailableError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the helper: it sees that nobody asks any more."""
        self._socket.close()
        with suppress(subprocess.TimeoutExpired):
            self._helper.wait(END_SECONDS)

    def owner(self, flow: FlowKey) -> Owner | None:
        """Return who owns the flow's client socket now; null where no socket is found.

        Ask at the first sight of a connection's name, for a short-lived one is soon gone.
        """
        start_ns = self._clock()
        if self._elsewhere.get(flow.client, start_ns) > start_ns:
            self._counts["not-local"] += 1
            return None
        if not self._budget.admits(start_ns):
            self._counts["busy"] += 1
            return None
        answer = self._ask(flow)
        now_ns = self._clock()
        self._budget.spend(now_ns - start_ns)
        self._remember(flow.client, answer.outcome, now_ns)
        self._counts[answer.outcome] += 1
        return answer.owner

    def counted(self) -> dict[OwnerOutcome, int]:
        """Return how many questions ended how since the last call; every outcome is there."""
        counts, self._counts = self._counts, Counter()
        return {each: counts[each] for each in OUTCOMES}

    def _greet(self) -> None:
        self._socket.settimeout(START_SECONDS)
        try:
            ready = msgspec.msgpack.decode(self._socket.recv(DATAGRAM_BYTES), type=Ready)
            problem = ready.problem
        except (OSError, msgspec.DecodeError):
            problem = "their helper did not start"
        if problem is not None:
            raise OwnersUnavailableError(f"owners of connections cannot be told: {problem}")
        self._socket.settimeout(ANSWER_SECONDS)

    def _ask(self, flow: FlowKey) -> Answer:
        """Ask the helper. An answer to an earlier question, which came too late, is thrown away."""
        self._number += 1
        try:
            self._socket.send(msgspec.msgpack.encode(Question(self._number, flow)))
            while True:
                answer = self._decoder.decode(self._socket.recv(DATAGRAM_BYTES))
                if answer.number == self._number:
                    return answer
        except (OSError, msgspec.DecodeError):  # late, or the helper ended
            return Answer(self._number, "unanswered")

    def _remember(self, client: str, outcome: OwnerOutcome, now_ns: int) -> None:
        self._elsewhere.pop(client, None)
        if outcome == "not-local":
            if len(self._elsewhere) >= MAX_ELSEWHERE:
                del self._elsewhere[next(iter(self._elsewhere))]
            self._elsewhere[client] = now_ns + REFRESH_NS
