"""A syslog server: RFC 5424 over TCP or TLS.

Syslog has no acknowledgement. Delivered means: the server's kernel has every byte, and the connection was
still whole after that. A server that breaks before it reads them loses what it had: so what a connection
carried last is sent once more on the next one, each message with the same key.
"""

from collections.abc import Sequence
from pathlib import Path

from monitor.sink_options import SyslogOptions
from monitor.sinks.files import tls_context
from monitor.sinks.line import Line
from monitor.sinks.protocol import Delivered, Outcome, Parcel, RetryAfter
from monitor.sinks.reasons import reason_of
from monitor.sinks.syslog_message import Syslog, framed

MAX_BATCH = 1_000  # messages of at most 8 KiB
MAX_UNPROVEN_BYTES = 16_777_216  # that are kept to be sent again; with more, nothing new is taken


class SyslogSink:
    """One connection, kept while it is whole. ``shortened`` counts messages that lack something."""

    def __init__(self, options: SyslogOptions, folder: Path) -> None:
        """Raises InputError where the files of ``options.tls`` are no good."""
        self.name = options.name
        self.batch = min(options.batch, MAX_BATCH)
        self.shortened = 0
        self._options = options
        self._syslog = Syslog(options.facility, options.format)
        self._context = tls_context(options.tls, folder) if options.transport == "tls" else None
        self._line: Line | None = None
        self._unproven = b""  # sent, on a connection that was not seen whole since

    def deliver(self, parcels: Sequence[Parcel]) -> Outcome:
        """Send a batch; where the connection is a new one, the one before it first."""
        messages = [self._syslog.message(parcel.event) for parcel in parcels]
        batch = b"".join(framed(message) for message, _ in messages)
        try:
            self._send(batch)
        except OSError as error:
            self._drop()
            return RetryAfter(f"{self._options.host}:{self._options.port}: {reason_of(error)}")
        self.shortened += sum(short for _, short in messages)
        return Delivered()

    def close(self) -> None:
        """End the connection in good order, so that the server reads to its end."""
        if self._line is not None:
            self._line.finish()
            self._line = None

    def _send(self, batch: bytes) -> None:
        """Send what is unproven, if there is need, and a batch. Raises OSError where that cannot be said."""
        state = self._line.state() if self._line is not None else "broken"
        if self._line is not None and state == "whole":
            self._unproven = b""
        else:
            self._drop()
            self._line = Line(self._options, self._context)
        if len(self._unproven) > MAX_UNPROVEN_BYTES:
            self._line.send(self._unproven)
            raise ConnectionAbortedError("it breaks each connection after the last message")
        self._line.send(self._unproven + batch)
        # Whoever closes in good order has read all: what went before need not be sent a third time.
        self._unproven = batch if state == "closed" else self._unproven + batch

    def _drop(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
