"""The log of a process: structured events on stderr, JSON lines off a terminal, aligned text on one.

An event is a short constant text; what varies stands in fields. The same event is written a few times a
minute at most, and the next one says how many were not. The log is about the sensor, never about who is
watched: see ``withhold``. Where systemd's journal reads it, a line carries its priority. Nothing here raises:
a line that cannot be written is counted.
"""

import json
import os
import re
from collections.abc import Callable
from typing import Literal

import msgspec
import structlog
from structlog.typing import EventDict, FilteringBoundLogger

from monitor.withholding import withhold

PER_MINUTE = 10  # of one event
MAX_EVENTS = 1_000  # that the limiter remembers
MINUTE_NS = 60_000_000_000
EVENT_WIDTH = 32

_PRIORITIES = {
    "debug": 7,
    "info": 6,
    "warning": 4,
    "error": 3,
    "critical": 2,
}  # of syslog(3), as sd-daemon(3)
_PLAIN = re.compile(r"[\w./:+@%-]+", re.ASCII)

Style = Literal["auto", "text", "json"]


class Limiter:
    """Lets the same event through a few times a minute; a processor of structlog.

    ``suppressed`` counts what was held back. Events beyond MAX_EVENTS share one allowance.
    """

    def __init__(self, monotonic_ns: Callable[[], int], per_minute: int = PER_MINUTE) -> None:
        self.suppressed = 0
        self._monotonic_ns = monotonic_ns
        self._per_minute = per_minute
        self._events: dict[str, _Allowance] = {}

    def __call__(self, _logger: object, _method: str, fields: EventDict) -> EventDict:
        """Drop the event, or add how many like it were dropped before."""
        allowance = self._allowance(str(fields["event"]))
        now_ns = self._monotonic_ns()
        if now_ns - allowance.since_ns >= MINUTE_NS:
            allowance.since_ns, allowance.written = now_ns, 0
        if allowance.written >= self._per_minute:
            allowance.suppressed += 1
            self.suppressed += 1
            raise structlog.DropEvent
        allowance.written += 1
        if allowance.suppressed:
            fields["suppressed"], allowance.suppressed = allowance.suppressed, 0
        return fields

    def _allowance(self, event: str) -> "_Allowance":
        name = event if event in self._events or len(self._events) < MAX_EVENTS else ""
        return self._events.setdefault(name, _Allowance(self._monotonic_ns()))


class _Allowance(msgspec.Struct):
    since_ns: int
    written: int = 0
    suppressed: int = 0


class Writer:
    """Writes rendered lines to a file descriptor; ``lost`` counts those that were not taken."""

    def __init__(self, descriptor: int) -> None:
        self.lost = 0
        self._descriptor = descriptor

    def msg(self, line: str) -> None:
        """Write a line, past every buffer: nothing is left over to fail later."""
        data = line.encode() + b"\n"
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            self.lost += 1

    debug = info = warning = error = critical = msg


class Logs:
    """The root of all loggers, and what became of their lines."""

    def __init__(self, log: FilteringBoundLogger, limiter: Limiter, writer: Writer) -> None:
        self.log = log
        self._limiter = limiter
        self._writer = writer

    def counted(self) -> dict[str, int]:
        """How many lines were not written since the start: held back, and not taken by the stream."""
        return {"suppressed": self._limiter.suppressed, "lost": self._writer.lost}


def start_logging(
    level: str, style: Style, descriptor: int, monotonic_ns: Callable[[], int], journal: str = ""
) -> Logs:
    """Make the log that writes to a descriptor. ``journal`` is $JOURNAL_STREAM, where there is one."""
    in_text = style == "text" or (style == "auto" and os.isatty(descriptor))
    in_journal = _is_journal(descriptor, journal)
    limiter, writer = Limiter(monotonic_ns), Writer(descriptor)

    def render(_logger: object, _method: str, fields: EventDict) -> str:
        priority = f"<{_PRIORITIES[fields['level']]}>" if in_journal else ""
        return priority + (_text(fields) if in_text else _json(fields))

    log = structlog.wrap_logger(
        writer,
        processors=[
            structlog.processors.add_log_level,
            limiter,
            withhold,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
    )
    return Logs(log.bind(), limiter, writer)


def _is_journal(descriptor: int, journal: str) -> bool:
    """Whether it is what systemd connected to its journal: $JOURNAL_STREAM of systemd.exec(5)."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return journal == f"{status.st_dev}:{status.st_ino}"


def _json(fields: EventDict) -> str:
    first = {name: fields.pop(name) for name in ("time", "level", "event")}
    return json.dumps({**first, **fields})


def _text(fields: EventDict) -> str:
    time, level, event = fields.pop("time"), fields.pop("level"), fields.pop("event")
    rest = " ".join(f"{name}={_word(value)}" for name, value in fields.items())
    return f"{time} {level:<7} {_escaped(event):<{EVENT_WIDTH}} {rest}".rstrip()


def _word(value: object) -> str:
    """A value as one word; other than plain text it is JSON in ASCII, which no terminal obeys."""
    return value if isinstance(value, str) and _PLAIN.fullmatch(value) else json.dumps(value)


def _escaped(event: str) -> str:
    return json.dumps(event)[1:-1]
