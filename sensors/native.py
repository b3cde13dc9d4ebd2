"""The native engine: the Rust crates of sensors/rust behind the same protocol as the reference engine.

Observations cross the boundary as msgpack and become the same frozen values. `make native`
builds the extension where cargo is; where it was not built, `available` says so. No command uses it yet:
tunnels are still to be ported.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from sensors.limits import Limits
from sensors.observations import Accounting, Observation

try:
    from sensors import _native
except ImportError as error:  # not built: no cargo at installation
    _native = None  # type: ignore[assignment]
    MISSING = str(error)
else:
    MISSING = ""


def available() -> bool:
    """Tell whether the extension is there."""
    return _native is not None


class NativeSensor:
    """Reads capture files and yields batches of observations."""

    engine = "native"

    def __init__(self, paths: Sequence[Path], limits: Limits, progress: Callable[[int], None] | None) -> None:
        seed = secrets.randbits(64)  # keys the hash of the flow table; nothing that comes out depends on it
        bounds = limits.flows, limits.stream_bytes, limits.reading_bytes, limits.fragments
        self._engine = _native.Engine(list(paths), bounds, seed)
        self._progress = progress

    def __iter__(self) -> Iterator[Sequence[Observation]]:
        decode = msgspec.msgpack.Decoder(list[Observation]).decode
        while (batch := self._engine.next_batch()) is not None:
            if self._progress is not None:
                self._progress(self._engine.consumed_bytes())
            yield decode(batch)

    def accounting(self) -> Accounting:
        """What became of every packet read so far."""
        return msgspec.msgpack.decode(self._engine.accounting(), type=Accounting)
