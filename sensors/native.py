"""The native engine: the Rust crates of sensors/rust behind the same protocol as the reference engine.

Observations cross the boundary as msgpack and become the same frozen values. The extension is built at
installation where cargo is; ``MISSING`` says why it is not there.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from sensors.connections import ConnectionSeen, Counted, Seen
from sensors.engine import Options, Progress
from sensors.observations import Accounting, DataSeen, Gap, Observation

_NOT_BUILT = (
    "it was not built, for want of cargo or because that failed; install Rust, then residency-monitor again"
)

try:
    from sensors import _native
except ModuleNotFoundError:
    _native = None  # type: ignore[assignment]
    MISSING = _NOT_BUILT
except ImportError as error:
    _native = None  # type: ignore[assignment]
    absent = "cannot import name '_native'" in str(error)
    MISSING = _NOT_BUILT if absent else f"it cannot be loaded ({error}); install residency-monitor again"
else:
    MISSING = ""


class NativeSensor:
    """Reads capture files and yields batches of observations."""

    engine = "native"

    def __init__(self, paths: Sequence[Path], options: Options, progress: Progress | None) -> None:
        seed = secrets.randbits(64)  # keys the hash of the flow table; nothing that comes out depends on it
        limits = options.limits
        bounds = limits.flows, limits.stream_bytes, limits.reading_bytes, limits.fragments
        manner = options.eager, options.gap_interval_ns
        self._engine = _native.Engine(list(paths), bounds, manner, seed, options.threads)
        self._decode: Callable[[bytes], Sequence[Seen]] = msgspec.msgpack.Decoder(list[Observation]).decode
        if options.interest is not None:
            self._engine.filter(options.interest, options.names, seed)
            self._decode = msgspec.msgpack.Decoder(list[ConnectionSeen | DataSeen | Gap]).decode
        self._progress = progress

    def __iter__(self) -> Iterator[Sequence[Seen]]:
        while (batch := self._engine.next_batch()) is not None:
            if self._progress is not None:
                self._progress(self._engine.consumed_bytes())
            yield self._decode(batch)

    def counted(self) -> Counted:
        """What was counted since the last call, and not handed out; nothing without an interest."""
        counted = self._engine.counted()
        return msgspec.msgpack.decode(counted, type=Counted) if counted is not None else Counted()

    def accounting(self) -> Accounting:
        """What became of every packet read so far."""
        return msgspec.msgpack.decode(self._engine.accounting(), type=Accounting)
