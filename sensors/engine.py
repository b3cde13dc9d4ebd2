"""What an engine is, and how one is chosen. An engine turns capture files into batches of observations."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from sensors.limits import Limits
from sensors.observations import Accounting, Observation

ENGINES = ("dpkt",)


class Sensor(Protocol):
    """An engine at work on one input. Iterate it once; then ask for the accounting."""

    @property
    def engine(self) -> str:
        """The engine's name, for metadata."""

    def __iter__(self) -> Iterator[Sequence[Observation]]:
        """Batches of observations, in the order of the packets that caused them."""

    def accounting(self) -> Accounting:
        """What became of every packet read so far."""


class UnknownEngineError(ValueError):
    """The engine asked for does not exist."""


def open_sensor(
    paths: Sequence[Path],
    engine: str = "dpkt",
    limits: Limits | None = None,
    progress: Callable[[int], None] | None = None,
) -> Sensor:
    """Open capture files as one stream in time order.

    ``progress`` is called now and then with the number of bytes consumed from the files since its last call.
    Raises UnknownEngineError. Files that cannot be read become faults in the accounting, never exceptions.
    """
    if engine != "dpkt":
        raise UnknownEngineError(f"unknown engine {engine!r}; choose one of: {', '.join(ENGINES)}")
    from sensors.reference import ReferenceSensor  # noqa: PLC0415  heavy import, not needed by `explain`

    return ReferenceSensor(paths, limits or Limits(), progress)
