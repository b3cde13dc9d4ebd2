"""Text for the page: values as people read them, and hostile text made harmless. Pure.

Escaping is the template's. Here is cut what is too long, and written out what no reader could see: control
characters, what turns the reading direction, halves of surrogate pairs.
"""

import shlex
from datetime import UTC, datetime

from markupsafe import Markup, escape

from monitor.findings.types import Finding
from monitor.report.types import GroupSeen, Input, Period
from monitor.tally import DestinationKey
from monitor.types import Coverage, Subject
from monitor.wording import moment, plural

MAX_TEXT = 500  # characters of a text
MAX_WHOLE_TEXT = 200_000  # characters of a text that is there to be read in full
NOTHING = "\u2013"  # a dash
_SECOND_NS = 1_000_000_000

COVERAGE: dict[Coverage, str] = {
    "sni": "named on the wire (TLS, QUIC, HTTP)",
    "dns": "named by the client's own DNS answers",
    "address": "by address only",
    "ambiguous": "ambiguous: several names for the address",
    "concealed": "concealed: the name is encrypted (ECH)",
    "concealing": "hides others: encrypted DNS, VPN or relay",
    "midstream": "midstream: the capture holds no start",
    "lost": "lost: evicted, or the first message incomplete",
}


def shown(value: object) -> object:
    """Return what stands in the page for a value that a template prints: the `finalize` of Jinja."""
    if value is None:
        return NOTHING
    if isinstance(value, str) and not isinstance(value, Markup) and len(value) > MAX_TEXT:
        return value[: MAX_TEXT - 1] + "…"
    return value


def whole(text: str) -> Markup:
    """Return a long text (a policy, what a chart tells), escaped and not cut before MAX_WHOLE_TEXT."""
    return escape(text[:MAX_WHOLE_TEXT])


def visible(document: str) -> str:
    r"""Return a document with whatever is not printable written out, as in ``\u202e``; lines stay."""
    unseen = {each for each in set(document) if not each.isprintable() and each != "\n"}
    return document.translate({ord(each): _written(each) for each in unseen}) if unseen else document


def _written(character: str) -> str:
    return "    " if character == "\t" else character.encode("unicode_escape").decode("ascii")


def number(value: int) -> str:
    """Return a count with its thousands apart."""
    return f"{value:,}"


def exact(ts_ns: int) -> str:
    """Return a time in UTC to the nanosecond, as a packet list shows it."""
    text = moment(ts_ns)
    return text if text.endswith("ns") else f"{text}.{ts_ns % _SECOND_NS:09d}"


def day(ts_ns: int) -> str:
    """Return the day of a time, in UTC."""
    text = moment(ts_ns)
    return text if text.endswith("ns") else text.partition(" ")[0]


def machine_time(ts_ns: int) -> str:
    """Return a time for the datetime attribute, empty where the calendar ends."""
    try:
        return f"{datetime.fromtimestamp(ts_ns // _SECOND_NS, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (OverflowError, ValueError, OSError):
        return ""


def duration(width_ns: int) -> str:
    """Return a stretch of time in its two largest units, below a minute in seconds."""
    if width_ns < 60 * _SECOND_NS:
        seconds = f"{width_ns / _SECOND_NS:g}"
        return f"{seconds} second" if seconds == "1" else f"{seconds} seconds"
    rest, parts = width_ns // _SECOND_NS, []
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(plural(count, unit))
        elif parts:
            break
    return " ".join(parts[:2])


def period(given: Period) -> str:
    """Return a period as a sentence has it."""
    if given.since_ns is None and given.until_ns is None:
        return "all that the inputs hold"
    since = f"from {moment(given.since_ns)} " if given.since_ns is not None else ""
    return f"{since}{f'to before {moment(given.until_ns)} ' if given.until_ns is not None else ''}UTC"


def whose(subject: Subject | DestinationKey | GroupSeen) -> str:
    """Return the source group with its tenant."""
    return "/".join(part for part in (subject.tenant, subject.source_group) if part) or "no source group"


def reached(what: Finding | DestinationKey) -> str:
    """Return who the server is, or may be."""
    if what.provider is not None:
        return what.provider
    return f"{' or '.join(what.possible)}, or no LLM at all" if what.possible else "not named"


def check_command(given: Input) -> str | None:
    """Return the command that tells whether an input is still the one that was read; None where none can."""
    name = given.name if not given.name.startswith("-") else f"./{given.name}"
    if given.checkpoint is not None:
        return f"residency verify {shlex.quote(name)} --key KEY"
    if given.sha256 is None:
        return None
    inside = {"replay": "/decisions.jsonl", "findings": "/findings.jsonl", "ledger": ""}[given.kind]
    return f"sha256sum {shlex.quote(name if name.endswith('.jsonl') else name + inside)}"
