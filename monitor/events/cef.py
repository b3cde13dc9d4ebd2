r"""An event in the Common Event Format, version 0: one line of text. Pure.

Names come from traffic that may be hostile, and a line may end in a terminal. So in the header `|` and `\`
are escaped, in the extension `=`, `\` and line breaks, and no other control character passes, nor one that
turns the reading direction: it becomes `\xNN`. See docs/69-formats.md for each field.
"""

import re
from typing import Final

from monitor import __version__
from monitor.events.parts import (
    PRODUCT,
    PROGRAM,
    group_name,
    headline,
    ip_version,
    milliseconds,
    place,
    sources,
)
from monitor.events.types import CheckpointEvent, Event, FindingEvent, SummaryEvent
from monitor.findings.types import Finding, Sample
from monitor.policy.words import Severity

VERSION: Final = 0
# How many characters a field may have, by the standard's dictionary of fields.
MAX_HEADER, MAX_MESSAGE, MAX_CUSTOM, MAX_WORD = 512, 1_023, 4_000, 255
_LONG = ("msg", "reason", "dhost", "shost")  # the fields of MAX_MESSAGE
_CUT = "..."
_SEVERITIES: dict[Severity, int] = {"low": 3, "medium": 5, "high": 8, "critical": 10}
_INFORMATION: Final = 1
# C0, DEL, C1, line and paragraph separators, what sets the reading direction, and halves of characters.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_BREAKS = {"\n": r"\n", "\r": r"\r"}

_Fields = dict[str, str | int | None]


def cef(event: Event) -> str:
    """Return the event as one line without its line break. `externalId` is the idempotency key."""
    if isinstance(event, FindingEvent):
        finding = event.change.finding
        signature, severity, tool = finding.rule, _SEVERITIES[finding.severity], event.basis.tool
        fields = _finding(event)
    elif isinstance(event, SummaryEvent):
        signature, severity, tool = "events-folded", _SEVERITIES[event.severity], __version__
        fields = _folded(event)
    else:
        signature, severity, tool = "checkpoint-signed", _INFORMATION, __version__
        fields = {**_statement(event), **_custom(1, "checkpoint", event.checkpoint)}
    header = map(_in_header, (PRODUCT, PROGRAM, tool, signature, headline(event)))
    told = {key: value for key, value in fields.items() if value is not None}
    extension = " ".join(f"{key}={_in_extension(key, value)}" for key, value in told.items())
    return f"CEF:{VERSION}|{'|'.join(header)}|{severity}|{extension}"


def _finding(event: FindingEvent) -> _Fields:
    change, finding, basis = event.change, event.change.finding, event.basis
    sample = _connection(finding.sample) if finding.sample else {}
    reasons = finding.sample.reasons if finding.sample else ()
    return {
        "rt": milliseconds(event.at_ns),
        "externalId": event.key,
        "act": change.what,
        "cat": finding.kind,
        "outcome": finding.state,
        "cnt": finding.count or None,  # none has ended
        "start": milliseconds(finding.first_ns),
        "end": milliseconds(finding.last_ns),
        **sample,
        "in": finding.bytes_up,
        "out": finding.bytes_down,
        "deviceExternalId": basis.sensor,
        "reason": change.why,
        "msg": "; ".join((finding.title, *reasons)),
        **_customs(event),
        "deviceCustomDate1": milliseconds(finding.deadline_ns),
        "deviceCustomDate1Label": "deadline",
    }


def _customs(event: FindingEvent) -> _Fields:
    """Return the six strings that have no field of their own, each with its label."""
    finding, basis = event.change.finding, event.basis
    sentences = [evidence.says for evidence in finding.sample.evidence] if finding.sample else []
    versions = [*([f"policy {basis.policy}"] if basis.policy else []), *sources(basis)]
    return {
        **_custom(1, "source group", group_name(finding.subject)),
        **_custom(2, "destination", f"{_provider(finding)}: {place(finding)} [{finding.certainty}]"),
        **_custom(3, "finding", finding.id),
        **_custom(4, "evidence", "; ".join(sentences) or None),
        **_custom(5, "limits", " ".join(basis.limits) or None),
        **_custom(6, "versions", "; ".join(versions) or None),
    }


def _provider(finding: Finding) -> str:
    if finding.provider is None:
        return f"perhaps {' or '.join(finding.possible)}" if finding.possible else "unknown provider"
    return f"{finding.provider}, {finding.service}" if finding.service else finding.provider


def _custom(number: int, label: str, value: str | None) -> _Fields:
    return {} if value is None else {f"cs{number}": value, f"cs{number}Label": label}


def _connection(sample: Sample) -> _Fields:
    flow = sample.flow
    return {
        **_end(flow.client, flow.client_port, ("src", "c6a2", "Source IPv6 Address", "spt")),
        **_end(flow.server, flow.server_port, ("dst", "c6a3", "Destination IPv6 Address", "dpt")),
        "proto": flow.transport.upper(),
        **({"dhost": sample.server_name} if sample.server_name is not None else {}),
    }


def _end(address: str, port: int, fields: tuple[str, str, str, str]) -> _Fields:
    """An end of the connection: CEF 0 has IPv4 and IPv6 in different fields, a pseudonym is a host's name."""
    v4, v6, v6_label, port_field = fields
    version = ip_version(address)
    if version is None:
        return {"shost" if v4 == "src" else "dhost": address}
    if version == 4:
        return {v4: address, port_field: port}
    return {v6: address, f"{v6}Label": v6_label, port_field: port}


def _statement(event: SummaryEvent | CheckpointEvent) -> _Fields:
    """What is no finding: a statement about this program and its ledger."""
    return {
        "rt": milliseconds(event.at_ns),
        "externalId": event.key,
        "deviceExternalId": event.sensor,
        "msg": headline(event),
        **_custom(2, "tenant", event.tenant),
    }


def _folded(event: SummaryEvent) -> _Fields:
    return {
        **_statement(event),
        "cnt": event.events,
        "start": milliseconds(event.first_ns),
        "end": milliseconds(event.last_ns),
        **_custom(3, "findings", " ".join(event.findings) or None),
    }


def _in_header(text: str) -> str:
    """Return text as a field of the header: no line break is allowed there."""
    shown = "".join(map(_shown, _cut(text, MAX_HEADER)))
    return shown.replace("\\", "\\\\").replace("|", "\\|")


def _in_extension(key: str, value: str | int) -> str:
    """Return a value of the extension, no longer than its field may be (before it is escaped)."""
    if isinstance(value, int):
        return str(value)
    most = MAX_CUSTOM if re.fullmatch("cs[1-6]", key) else MAX_MESSAGE if key in _LONG else MAX_WORD
    return "".join(map(_escaped, _cut(value, most)))


def _escaped(character: str) -> str:
    if character in _BREAKS:
        return _BREAKS[character]
    return _shown(character).replace("\\", "\\\\").replace("=", "\\=")


def _shown(character: str) -> str:
    r"""Return a character, or `\xNN` or `\uNNNN` in place of one that may not pass."""
    if _CONTROLS.match(character) is None:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - len(_CUT)] + _CUT
