"""Events as syslog messages (RFC 5424), framed by octet counting (RFC 6587 section 3.4.1, RFC 5425, 4.3).

Pure. What cannot be said in the bound of a message is left out in an order: first the sample, then the end.
"""

from datetime import UTC, datetime

import msgspec

from monitor.events import CheckpointEvent, Event, FindingEvent, SummaryEvent, render
from monitor.policy.words import Severity
from monitor.sink_options import Format
from monitor.sinks.plain import plain, plain_ascii

MAX_MESSAGE_BYTES = 8_192  # what each receiver should take (RFC 5425 section 4.3.1), and rsyslog's own bound
# 32473 is the number that RFC 5612 keeps for documentation. The project has none of its own at IANA, and one
# that is made up may be somebody's: this one is nobody's, now and later.
ELEMENT = "residency@32473"
_BOM = b"\xef\xbb\xbf"
_MAX_HOSTNAME, _MAX_PARAMETER = 255, 300
_SEVERITIES: dict[Severity, int] = {"critical": 2, "high": 3, "medium": 4, "low": 5}
_INFORMATIONAL = 6
_LOCAL0 = 16


class Syslog(msgspec.Struct, frozen=True):
    """How events are told: ``facility`` is "local0" to "local7".

    JSON is said to be UTF-8 by a byte order mark (RFC 5424 section 6.4). CEF goes without: its readers look
    for ``CEF:`` at the very start.
    """

    facility: str
    form: Format

    def message(self, event: Event) -> tuple[bytes, bool]:
        """Return a message of at most MAX_MESSAGE_BYTES, and whether something had to be left out."""
        head = self._head(event)
        whole = head + self._element(event, None) + self._text(event)
        if len(whole) <= MAX_MESSAGE_BYTES:
            return whole, False
        lighter = head + self._element(event, "sample") + self._text(_without_sample(event))
        if len(lighter) <= MAX_MESSAGE_BYTES:
            return lighter, True
        cut = head + self._element(event, "text") + self._text(_without_sample(event))
        return cut[:MAX_MESSAGE_BYTES].decode("utf-8", "ignore").encode(), True

    def _head(self, event: Event) -> bytes:
        priority = (_LOCAL0 + int(self.facility[-1])) * 8 + _severity(event)
        host = plain_ascii(_sensor(event), _MAX_HOSTNAME) or "-"
        return f"<{priority}>1 {_timestamp(event.at_ns)} {host} residency - {_kind(event)} ".encode()

    def _element(self, event: Event, without: str | None) -> bytes:
        """Return the structured data, with the blank behind it."""
        values = {"key": event.key}
        if isinstance(event, FindingEvent):
            finding = event.change.finding
            values |= {"finding": finding.id, "state": finding.state, "tenant": finding.subject.tenant or ""}
        else:
            values |= {"tenant": event.tenant or ""}
        values |= {"without": without or ""}
        pairs = (f' {name}="{_escaped(value)}"' for name, value in values.items() if value)
        return f"[{ELEMENT}{''.join(pairs)}] ".encode()

    def _text(self, event: Event) -> bytes:
        text = render(event, self.form).decode("utf-8", "replace")
        clean = "".join(" " if each < " " or each == "\x7f" else each for each in text)
        return (b"" if self.form == "cef" else _BOM) + clean.encode("utf-8", "replace")


def framed(message: bytes) -> bytes:
    """Return a message behind its length: RFC 6587 section 3.4.1."""
    return b"%d %b" % (len(message), message)


def _severity(event: Event) -> int:
    if isinstance(event, CheckpointEvent):
        return _INFORMATIONAL
    if isinstance(event, SummaryEvent):
        return _SEVERITIES[event.severity]
    return _INFORMATIONAL if event.change.what == "closed" else _SEVERITIES[event.change.finding.severity]


def _kind(event: Event) -> str:
    """Return the MSGID: what kind of event it is."""
    if isinstance(event, FindingEvent):
        return f"finding-{event.change.what}"
    return "summary" if isinstance(event, SummaryEvent) else "checkpoint"


def _sensor(event: Event) -> str:
    return event.basis.sensor if isinstance(event, FindingEvent) else event.sensor


def _timestamp(at_ns: int) -> str:
    """Return RFC 5424's TIMESTAMP, or its nil value: a packet may say any time."""
    try:
        said = datetime.fromtimestamp(at_ns // 1_000_000_000, UTC)
    except (OverflowError, ValueError, OSError):
        return "-"
    exact = said.replace(microsecond=at_ns // 1_000 % 1_000_000, tzinfo=None)
    return f"{exact.isoformat(timespec='microseconds')}Z"


def _escaped(value: str) -> str:
    """Return a PARAM-VALUE: RFC 5424 section 6.3.3."""
    clean = plain(value, _MAX_PARAMETER)
    return clean.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _without_sample(event: Event) -> Event:
    if not isinstance(event, FindingEvent):
        return event
    lighter = msgspec.structs.replace(event.change.finding, sample=None)
    return msgspec.structs.replace(event, change=msgspec.structs.replace(event.change, finding=lighter))
