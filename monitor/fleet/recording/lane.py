"""One partition on its way: messages that came and were not taken yet, and its folder, once it is ours.

Messages are few here, for whoever reads them pauses while there are some.
"""

from collections import deque
from collections.abc import Callable

from confluent_kafka import Message

from monitor.files import InputError
from monitor.fleet.parcels import NotAMessageError, Said, UnknownVersionError, decode_said
from monitor.fleet.recording.partition import Partition
from monitor.ledger.names import tenant_folder
from monitor.metrics.fleet import Kept
from monitor.metrics.recorded import Recorded
from monitor.recording.troubles import trouble

PAUSE_NS = 1_000_000_000  # after what was not possible

Open = Callable[[int, int], Partition]  # a partition's number, and when


class Lane:
    """A partition that is this process's to record."""

    def __init__(self, number: int, open_partition: Open, counts: Kept) -> None:
        """``counts`` gathers what becomes of messages, of all partitions."""
        self.number = number
        self.problem: str | None = None
        self.partition: Partition | None = None
        self._open = open_partition
        self._messages: deque[Message] = deque()
        self._counts = counts
        self._next_ns = 0

    @property
    def wants(self) -> bool:
        """Whether more messages may come."""
        return self.partition is not None and self.partition.may_take and not self._messages

    @property
    def offset(self) -> int | None:
        """Behind which message all is durable."""
        return self.partition.offset if self.partition is not None else None

    def put(self, message: Message) -> None:
        """Keep a message until it can be taken."""
        self._messages.append(message)

    def turn(self, now_ns: int) -> None:
        """Take and record what came, as far as it goes now."""
        if 0 < self._next_ns - now_ns <= PAUSE_NS:
            return
        self.problem = self._turn(now_ns)
        self._next_ns = now_ns + PAUSE_NS if self.problem is not None else 0

    @property
    def waiting(self) -> int:
        """How many messages wait here, and records of those that were taken."""
        return len(self._messages) + (self.partition.waiting if self.partition is not None else 0)

    def close(self, now_ns: int) -> Recorded | None:
        """Record what was taken, and let the folder go; return what was recorded, if it was ours.

        What was not durable comes again.
        """
        if self.partition is None:
            return None
        self.partition.turn(now_ns)
        self.partition.finish(now_ns)
        last = self.partition.turns.recorded()
        self.partition.close()
        return last

    def _turn(self, now_ns: int) -> str | None:
        if self.partition is None:
            try:
                self.partition = self._open(self.number, now_ns)
                self.partition.counts = self._counts
            except InputError as error:  # who had it before may be about to let it go
                return str(error)
        problem = self._take(self.partition, now_ns) if self.partition.may_take else None
        troubles = self.partition.turn(now_ns)
        return trouble(troubles[0]) if troubles else problem

    def _take(self, partition: Partition, now_ns: int) -> str | None:
        """Hand over the messages that came; return why not all of them."""
        said: list[Said] = []
        problem, end = None, None
        while self._messages:
            try:
                said += self._read(self._messages[0])
            except UnknownVersionError as error:
                problem = f"a message has {error}: install the newer one here, which reads on"
                break
            end = (self._messages.popleft().offset() or 0) + 1
        if end is not None:
            partition.take(said, end, now_ns)
        return problem

    def _read(self, message: Message) -> list[Said]:
        """Return what a message says, nothing where it is none. Raises UnknownVersionError."""
        try:
            said = decode_said(message.value() or b"")
            if said_of := getattr(said, "decision", None):
                tenant_folder(said_of.connection.subject.tenant)
        except UnknownVersionError:
            raise
        except (NotAMessageError, ValueError):
            self._counts.malformed += 1
            return []
        return [said]
