"""The sender, and what it says it sent."""

from pathlib import Path

import msgspec

from benchmarks.harness.measure import ChildFailedError
from benchmarks.wire.cable import WIRE, Cable, entered
from benchmarks.wire.process import Running

ROOT = Path(__file__).resolve().parents[2]
SENDER = ROOT / "benchmarks" / "sender" / "target" / "release" / "sender"
AS_MANY_AS_GO = 0.0
_LOAD_SECONDS = 30.0  # to read the capture, and for what is late


class Sent(msgspec.Struct, frozen=True):
    """What was sent. ``refused`` is how often the kernel had no room; those packets went later."""

    packets: int
    bytes: int
    refused: int
    rounds: int
    seconds: float
    cpu_seconds: float
    left_out: int

    @property
    def rate(self) -> float:
        """Packets a second."""
        return self.packets / self.seconds


def missing() -> str:
    """Say why the sender cannot run; nothing where it can."""
    return "" if SENDER.is_file() else "not built: make sender"


def start(cable: Cable, capture: Path, rate: float, seconds: float) -> Running:
    """Begin to send a capture; it ends by itself."""
    words = (WIRE, str(capture), f"{rate:.1f}", f"{seconds:.3f}")
    return Running(entered(cable.sending, str(SENDER), *words))


def finish(sender: Running, seconds: float) -> Sent:
    """Wait for the end of a sender that was started for so long. Raises ChildFailedError."""
    sender.await_end(seconds + _LOAD_SECONDS)
    try:
        return msgspec.json.decode(sender.said(), type=Sent)
    except msgspec.DecodeError as error:
        raise ChildFailedError(f"the sender said something else: {error}") from None


def send(cable: Cable, capture: Path, rate: float, seconds: float) -> Sent:
    """Send a capture, again and again for so long. Raises ChildFailedError."""
    with start(cable, capture, rate, seconds) as sender:
        return finish(sender, seconds)
