"""What an engine is, and how one is chosen. An engine turns capture files into batches of observations.

``native`` (Rust) is what people run, ``dpkt`` (Python) is the specification, and runs where nothing was
compiled. Both say the same. ``tshark`` is somebody else's reading of the same packets, for comparison.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from sensors.connections import Counted, Seen
from sensors.gaps import GAP_INTERVAL_NS
from sensors.interest import Interest
from sensors.limits import Limits, NameLimits
from sensors.observations import Accounting

AUTO = "auto"
ENGINES = ("native", "dpkt", "tshark")

Progress = Callable[[int], None]


class Options(msgspec.Struct, frozen=True):
    """How an engine works. The number of threads changes nothing that it says.

    ``threads`` is how many may work: "native" has use for three (reading, the sensor, what comes of it), the
    others for one. With an ``interest`` an engine that can (only "native" can) correlates within ``names``,
    and hands out the connections that the interest covers, and gaps, instead of observations; all else it
    counts. An ``eager`` engine says at each hello what its flow came to so far, and when data follows: what a
    live sensor does. Gaps are gathered for ``gap_interval_ns``.
    """

    limits: Limits = Limits()
    threads: int = 1
    interest: Interest | None = None
    names: NameLimits = NameLimits()
    eager: bool = False
    gap_interval_ns: int = GAP_INTERVAL_NS


class Sensor(Protocol):
    """An engine at work on one input. Iterate it once; then ask for the accounting."""

    @property
    def engine(self) -> str:
        """The engine's name, for metadata."""

    def __iter__(self) -> Iterator[Sequence[Seen]]:
        """Batches of observations, or of connections and gaps, in the order of their packets."""

    def counted(self) -> Counted:
        """What was counted since the last call, and not handed out; nothing where everything is."""

    def accounting(self) -> Accounting:
        """What became of every packet read so far."""


class EngineError(ValueError):
    """The engine asked for does not exist, or not here. The message says what to do."""


class Choice(msgspec.Struct, frozen=True):
    """An engine that is there. ``note`` says why it is not the one that most would want, if it is not."""

    engine: str
    note: str = ""


def choose(engine: str = AUTO) -> Choice:
    """Return the engine to use; "auto" is the native one where it is there. Raises EngineError."""
    if engine not in (AUTO, *ENGINES):
        raise EngineError(f"unknown engine {engine!r}; choose one of: {', '.join((AUTO, *ENGINES))}")
    missing = lacks(engine if engine != AUTO else "native")
    if not missing:
        return Choice(engine if engine != AUTO else "native")
    if engine != AUTO:
        raise EngineError(f"engine {engine!r} is not here: {missing}")
    return Choice("dpkt", f"reading with engine dpkt, many times slower than native; native: {missing}")


def lacks(engine: str) -> str:
    """Say what an engine lacks to run here, and the mend; nothing when it is there."""
    if engine == "tshark":
        from sensors.tshark_program import missing  # noqa: PLC0415  asks the program for its version

        return missing()
    if engine != "native":
        return ""
    from sensors import native  # noqa: PLC0415  loads the extension

    return native.MISSING


def open_sensor(
    paths: Sequence[Path],
    engine: str = AUTO,
    options: Options | None = None,
    progress: Progress | None = None,
) -> Sensor:
    """Open capture files as one stream in time order.

    ``progress`` is called now and then with the number of bytes consumed from the files since its last call.
    Raises EngineError. Files that cannot be read become faults in the accounting, never exceptions.
    """
    options = options or Options()
    chosen = choose(engine).engine
    if chosen == "tshark":
        from sensors.tshark import TsharkSensor  # noqa: PLC0415  loads pyshark

        return TsharkSensor(paths, options, progress)
    if chosen == "native":
        from sensors.native import NativeSensor  # noqa: PLC0415  loads the extension

        return NativeSensor(paths, options, progress)
    from sensors.reference import ReferenceSensor  # noqa: PLC0415  heavy import, not needed by `explain`

    return ReferenceSensor(paths, options, progress)
