"""Opens what publishing needs: the fleet's key, ahead of giving up rights, and the spool, as who is left."""

from contextlib import ExitStack
from pathlib import Path

from monitor.daemon.publishing import Publishing
from monitor.fleet.spool import SpoolWriter
from monitor.settings import Settings
from monitor.sinks.files import read_secret

_MS = 1_000


def fleet_key(settings: Settings) -> bytes | None:
    """Return the fleet's key, where something is published. Raises InputError."""
    if settings.spool_key is None:
        return None
    return read_secret(str(settings.spool_key), Path()).encode()


def open_publishing(settings: Settings, key: bytes | None, stack: ExitStack) -> Publishing | None:
    """Open the spool, where something is published. Raises InputError."""
    asked = settings.config.publish
    if asked is None or settings.spool is None or key is None:
        return None
    writer = SpoolWriter(settings.spool, asked.spool_bytes)
    stack.callback(writer.close)
    linger_seconds = asked.linger_ms / _MS
    return Publishing(settings.sensor, writer, key, linger_seconds, live=settings.watch is None)
