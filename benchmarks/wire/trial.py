"""One trial: a contender started anew, so many packets sent, what it saw of them and what that cost."""

import signal
import tempfile
import time
from pathlib import Path

import msgspec

from benchmarks.wire.cable import Cable
from benchmarks.wire.contenders import Contender, Seen, await_listening
from benchmarks.wire.process import Running, usage
from benchmarks.wire.sending import Sent, finish, start

_LOAD_SECONDS = 1.0  # until the sender has read its capture, about


class Trial(msgspec.Struct, frozen=True):
    """What was sent, what of it the kernel handed to the watched interface, and what the contender saw.

    ``cpu_seconds`` is from the first packet until all were worked off; start and end do not count.
    """

    wanted_rate: float  # packets a second; 0 is as many as go
    sent: Sent
    arrived: int
    seen: Seen
    cpu_seconds: float
    peak_bytes: int
    stalled_seconds: float = 0.0  # for so long it was stopped while packets came

    @property
    def is_held(self) -> bool:
        """Whether nothing was lost. What the full flow table gave up was read, and is counted."""
        elsewhere = self.seen.others.keys() - {"table"}
        return self.seen.packets == self.arrived and not self.seen.lost and not elsewhere

    @property
    def closes(self) -> bool | None:
        """Whether what arrived is what was seen and lost; None where it does not say what was lost."""
        if self.seen.lost is None and self.seen.packets < self.arrived:
            return None
        return self.arrived == self.seen.packets + (self.seen.lost or 0)

    @property
    def cores(self) -> float:
        """How much of a processor core it took while packets came."""
        return self.cpu_seconds / self.sent.seconds


class Load(msgspec.Struct, frozen=True):
    """What is sent: which capture, how fast, how long."""

    capture: Path
    rate: float
    seconds: float
    stalled_seconds: float = 0.0


def attempt(cable: Cable, contender: Contender, load: Load) -> Trial:
    """Make one trial. Raises ChildFailedError."""
    with tempfile.TemporaryDirectory() as folder, contender.start(cable, Path(folder)) as running:
        await_listening(cable, running)
        before, arrived = usage(running.pid), cable.arrived()
        with start(cable, load.capture, load.rate, load.seconds) as sender:
            if load.stalled_seconds:
                _stall(running, load.stalled_seconds)
            sent = finish(sender, load.seconds)
        contender.settle(cable, running, cable.arrived() - arrived)
        after, arrived = usage(running.pid), cable.arrived() - arrived
        seen = contender.stop(cable, running)
    cpu_seconds = after.cpu_seconds - before.cpu_seconds
    return Trial(load.rate, sent, arrived, seen, cpu_seconds, after.peak_bytes, load.stalled_seconds)


def _stall(running: Running, seconds: float) -> None:
    """Stop a program and let it go on, so that its buffer has to overflow."""
    time.sleep(_LOAD_SECONDS)
    running.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    running.send_signal(signal.SIGCONT)
