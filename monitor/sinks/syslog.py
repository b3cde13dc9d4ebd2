"""A syslog server: RFC 5424 over TCP or TLS.

Syslog has no acknowledgement. Delivered means: the server's kernel has every byte, and the connection was
still whole after that. A server that breaks before it reads them loses what it had: so the last batch is sent
once more on the next connection, each message with the same key.
"""

from collections.abc import Sequence
from pathlib import Path

from monitor.sink_options import SyslogOptions
from monitor.sinks.files import tls_context
from monitor.sinks.line import Line
from monitor.sinks.protocol import Delivered, Outcome, Parcel, RetryAfter
from monitor.sinks.syslog_message import Render, Syslog, framed
from monitor.sinks.reasons import reason_of

MAX_BATCH = 1_000  # messages that are kept to be sent again: 8 MiB at most


class SyslogSink:
    """One connection, kept as long as it is whole. ``shortened`` counts messages that something was left out of."""

    def __init__(self, options: SyslogOptions, folder: Path, render: Render) -> None:
        """Raises InputError where the files of ``options.tls`` are no good."""
        self.name = options.name
        self.batch = min(options.batch, MAX_BATCH)
        self.shortened = 0
        self._options = options
        self._syslog = Syslog(render, options.facility, utf8=options.format != "cef")
        self._context = tls_context(options.tls, folder) if options.transport == "tls" else None
        self._line: Line | None = None
        self._last = b""

    def deliver(self, parcels: Sequence[Parcel]) -> Outcome:
        """Send a batch; where the connection is a new one, the one before it first."""
        messages = [self._syslog.message(parcel.event) for parcel in parcels]
        batch = b"".join(framed(message) for message, _ in messages)
        try:
            self._send(batch)
        except OSError as error:
            self._drop()
            return RetryAfter(f"{self._options.host}:{self._options.port}: {reason_of(error)}")
        self._last = batch
        self.shortened += sum(short for _, short in messages)
        return Delivered()

    def close(self) -> None:
        """End the connection in good order, so that the server reads to its end."""
        if self._line is not None:
            self._line.finish()
            self._line = None

    def _send(self, batch: bytes) -> None:
        if self._line is not None and not self._line.is_whole():
            self._drop()
        if self._line is None:
            self._line = Line(self._options, self._context)
            batch = self._last + batch
        self._line.send(batch)

    def _drop(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
