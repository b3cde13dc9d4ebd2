"""All workers: one a sink, exchanged at a reload, each when its predecessor has ended."""

import codecs
import time
from pathlib import Path

from msgspec import Struct

from monitor.courier.wants import Terms, wants
from monitor.courier.worker import Ground, Worker, make_worker
from monitor.policy.quantities import duration_ns
from monitor.settings import Settings
from monitor.sink_options import AnySink, JsonlOptions
from monitor.sinks.factory import open_sink
from monitor.sinks.protocol import Sink


class Sending(Struct, frozen=True):
    """The sinks to serve. Secrets count from ``folder``, and the files that sinks write from ``files``."""

    sinks: tuple[AnySink, ...]
    dead_after: str
    folder: Path
    files: Path


def sending_of(settings: Settings) -> Sending:
    """Return what the daemon's configuration has served."""
    folder, config = Path(settings.source.path).parent.absolute(), settings.config
    return Sending(config.sinks, config.outbox.dead_after, folder, folder)


class Workers:
    """The workers of a configuration. Used by the main thread."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._working: list[Worker] = []  # those that were told to end among them
        self._next: list[Worker] = []

    def load(self, sending: Sending, only: str | None = None) -> None:
        """Have the sinks of a configuration served instead of those that are.

        Raises InputError, MissingExtraError and DeliveriesError, and then changes nothing.
        """
        made: list[Worker] = []
        try:
            for sink, terms in _sinks(sending, only):
                made.append(make_worker(sink, terms, self._ground))
            if only is None:
                self._ground.deliveries.serve([each.name for each in made])
        except BaseException:
            for each in made:
                each.discard()
            raise
        for each in self._next:
            each.discard()
        for each in self._working:
            each.stop()
        self._next = made

    def turn(self, *, drain: bool = False) -> None:
        """Start those whose predecessors have ended."""
        self._working = [each for each in self._working if not each.is_over or each.crashed or each.drained]
        busy = {each.name for each in self._working if not each.is_over}
        for each in [each for each in self._next if each.name not in busy]:
            self._next.remove(each)
            self._working.append(each)
            each.start(drain=drain)

    def crashed(self) -> list[str]:
        """Name those that ended for a mistake in the program."""
        return [each.name for each in self._working if each.crashed]

    def left(self) -> list[str]:
        """Name those that have not drained."""
        return [each.name for each in (*self._working, *self._next) if not each.drained]

    def stop(self, seconds: float) -> list[str]:
        """End all; wait so long at most. Return who was still at it."""
        deadline = time.monotonic() + seconds
        for each in self._next:
            each.discard()
        for each in self._working:
            each.stop()
        for each in self._working:
            each.join(max(deadline - time.monotonic(), 0.0))
        return [each.name for each in self._working if not each.is_over]


def check_sinks(sending: Sending) -> None:
    """Open all sinks, which connects nowhere, and close them, so that all that they import is there.

    Raises InputError, MissingExtraError.
    """
    codecs.lookup("idna")  # sockets ask for it when they first see a name
    for sink, _ in _sinks(sending, None):
        sink.close()


def _sinks(sending: Sending, only: str | None) -> list[tuple[Sink, Terms]]:
    dead_after_ns = duration_ns(sending.dead_after) or 0
    found: list[tuple[Sink, Terms]] = []
    try:
        for options in sending.sinks:
            if only not in (None, options.name):
                continue
            folder = sending.files if isinstance(options, JsonlOptions) else sending.folder
            found.append((open_sink(options, folder), Terms(wants(options), dead_after_ns)))
    except BaseException:
        for sink, _ in found:
            sink.close()
        raise
    return found
