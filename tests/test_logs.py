"""The daemon's log: what a line looks like where, what is held back and counted, and that nothing raises."""

import datetime as dt
import json
import os
import pty
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from monitor.logs import MAX_EVENTS, MINUTE_NS, PER_MINUTE, Limiter, Logs, Style, start_logging
from monitor.withholding import MAX_CHARACTERS, WITHHELD, withhold


class Clock:
    """A monotonic clock that stands until it is put on."""

    def __init__(self) -> None:
        self.now_ns = 5

    def __call__(self) -> int:
        return self.now_ns


class Log:
    """A log into a file, and what came of it."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
        self.path = path
        self.clock = Clock()

    def start(self, level: str = "debug", style: Style = "auto", journal: str = "") -> Logs:
        return start_logging(level, style, self.descriptor, self.clock, journal)

    def lines(self) -> list[str]:
        return self.path.read_text("ascii").splitlines()

    def events(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.lines()]


@pytest.fixture
def into(tmp_path: Path) -> Iterator[Log]:
    log = Log(tmp_path / "log")
    yield log
    os.close(log.descriptor)


def test_off_a_terminal_a_line_is_an_object_of_json(into: Log) -> None:
    log = into.start().log.bind(sensor="edge-1")
    log.warning("reload failed", file=Path("/etc/residency/policy.yaml"), line=3, keys=("a", "b"), ok=False)
    (event,) = into.events()
    assert list(event) == ["time", "level", "event", "sensor", "file", "line", "keys", "ok"]
    time = dt.datetime.fromisoformat(str(event.pop("time")))
    assert time.utcoffset() == dt.timedelta(0)
    assert event == {
        "level": "warning",
        "event": "reload failed",
        "sensor": "edge-1",
        "file": "/etc/residency/policy.yaml",
        "line": 3,
        "keys": ["a", "b"],
        "ok": False,
    }


def test_on_a_terminal_it_is_text() -> None:
    ours, theirs = pty.openpty()
    start_logging("info", "auto", theirs, Clock()).log.info("capturing", interface="eth0", threads=2)
    line = os.read(ours, 1_000).decode()
    os.close(ours)
    os.close(theirs)
    assert line.split() == [line.split()[0], "info", "capturing", "interface=eth0", "threads=2"]


TEXTS: dict[str, tuple[dict[str, object], str]] = {
    "words": ({"file": "/etc/a-b.yaml", "count": 3}, "file=/etc/a-b.yaml count=3"),
    "quoted": ({"mend": 'say "yes"'}, 'mend="say \\"yes\\""'),
    "an escape sequence": ({"file": "\x1b[31m\nerror"}, 'file="\\u001b[31m\\nerror"'),
    "a lone surrogate": ({"file": "a\udcff"}, 'file="a\\\\udcff"'),
    "none": ({"last": None, "list": [1, "b"]}, 'last=null list=[1, "b"]'),
    "no number": ({"rate": float("nan")}, "rate=nan"),
    "beyond 64 bits": ({"count": 2**70}, f"count={2**70}"),
    "long": ({"text": "x" * 9_999}, "text=" + "x" * MAX_CHARACTERS),
}


@pytest.mark.parametrize(("fields", "text"), TEXTS.values(), ids=TEXTS)
def test_a_field_as_text(into: Log, fields: dict[str, object], text: str) -> None:
    into.start(style="text").log.error("it failed", **fields)
    (line,) = into.lines()
    assert line.split(maxsplit=1)[1] == f"error   {'it failed':<32} {text}"


@pytest.mark.parametrize(("fields", "_text"), TEXTS.values(), ids=TEXTS)
def test_a_field_as_json(into: Log, fields: dict[str, object], _text: str) -> None:
    into.start(style="json").log.error("it failed", **fields)
    (event,) = into.events()
    assert event["event"] == "it failed"


@pytest.mark.parametrize("style", ["json", "text"])
def test_the_journal_gets_priorities(into: Log, style: Style) -> None:
    status = os.fstat(into.descriptor)
    log = into.start(style=style, journal=f"{status.st_dev}:{status.st_ino}").log
    for method in (log.debug, log.info, log.warning, log.error, log.critical):
        method("x")
    assert [line[:3] for line in into.lines()] == ["<7>", "<6>", "<4>", "<3>", "<2>"]


@pytest.mark.parametrize("journal", ["", "1:2", "nonsense"])
def test_what_is_not_the_journal_gets_none(into: Log, journal: str) -> None:
    into.start(journal=journal).log.info("x")
    assert into.lines()[0][0] == "{"


@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_levels(into: Log, level: str, written: list[str]) -> None:
    logs = into.start(level)
    for method in (logs.log.debug, logs.log.info, logs.log.warning, logs.log.error):
        method("x")
    assert [event["level"] for event in into.events()] == written
    assert logs.counted() == {"suppressed": 0, "lost": 0}


def test_the_same_event_is_written_a_few_times_a_minute(into: Log) -> None:
    logs = into.start()
    for at in range(PER_MINUTE + 7):
        logs.log.error("write failed", at=at)
    logs.log.error("another")
    assert logs.counted() == {"suppressed": 7, "lost": 0}
    into.clock.now_ns += MINUTE_NS
    logs.log.error("write failed", at="next")
    logs.log.error("write failed", at="after")
    assert logs.counted() == {"suppressed": 7, "lost": 0}
    events = into.events()
    assert [event.get("at") for event in events] == [*range(PER_MINUTE), None, "next", "after"]
    assert [event.get("suppressed") for event in events] == [None] * (PER_MINUTE + 1) + [7, None]


def test_the_limiter_remembers_so_many_events_and_no_more(into: Log) -> None:
    logs = into.start()
    for at in range(MAX_EVENTS + 3 * PER_MINUTE):
        event = f"event {at}"
        logs.log.error(event)
    assert logs.counted() == {"suppressed": 2 * PER_MINUTE, "lost": 0}
    assert len(into.lines()) == MAX_EVENTS + PER_MINUTE


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, MINUTE_NS)), max_size=200))
def test_what_is_not_written_is_counted(steps: list[tuple[str, int]]) -> None:
    clock = Clock()
    limiter = Limiter(clock, per_minute=2)
    told = written = 0
    for event, later_ns in steps:
        clock.now_ns += later_ns
        try:
            told += limiter(None, "error", {"event": event}).get("suppressed", 0)
        except structlog.DropEvent:
            continue
        written += 1
    assert written + limiter.suppressed == len(steps)
    assert told <= limiter.suppressed


def test_a_reader_that_went_away_is_counted() -> None:
    reading, writing = os.pipe()
    logs = start_logging("info", "json", writing, Clock())
    os.close(reading)
    logs.log.info("x")
    os.close(writing)
    logs.log.info("y")
    assert logs.counted() == {"suppressed": 0, "lost": 2}


def test_a_full_disk_is_counted() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    logs = start_logging("info", "json", descriptor, Clock())
    logs.log.info("x")
    os.close(descriptor)
    assert logs.counted() == {"suppressed": 0, "lost": 1}


CLEANED: dict[str, tuple[str, str]] = {
    "IPv4": ("from 10.1.2.3 to 203.0.113.9:443.", f"from {WITHHELD} to {WITHHELD}:443."),
    "at the end of a sentence": ("it was 10.1.2.3.", f"it was {WITHHELD}."),
    "IPv6": ("[2001:db8::1]:443, fe80::1%eth0", f"[{WITHHELD}]:443, {WITHHELD}%eth0"),
    "IPv6 in words": ("flow:2001:db8::1: reset", f"flow:{WITHHELD} reset"),
    "mapped": ("::ffff:10.1.2.3", WITHHELD),
    "MAC": ("at 02:00:5e:10:00:ff", f"at {WITHHELD}"),
    "a network": ("10.0.0.0/8", f"{WITHHELD}/8"),
    "loopback": ("127.0.0.1:9477 and [::1]:9477", "127.0.0.1:9477 and [::1]:9477"),
    "any": ("0.0.0.0 and ::", "0.0.0.0 and ::"),
    "a time": ("12:34:56 and 2026-03-01T12:34:56.789Z", "12:34:56 and 2026-03-01T12:34:56.789Z"),
    "a version": ("1.2.3 and 300.1.2.3", "1.2.3 and 300.1.2.3"),
    "a path": ("/var/lib/residency/a.b.c", "/var/lib/residency/a.b.c"),
    "a hash": ("a94a8fe5ccb19ba61c4c0873d391e987982fbbd3", "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3"),
}


@pytest.mark.parametrize(("text", "cleaned"), CLEANED.values(), ids=CLEANED)
def test_addresses_are_withheld(text: str, cleaned: str) -> None:
    assert withhold(None, "info", {"event": text, "list": [[text]]}) == {
        "event": cleaned,
        "list": [[cleaned]],
    }


@given(
    st.ip_addresses().filter(lambda each: not (each.is_loopback or each.is_unspecified)),
    st.sampled_from(
        ["{}", "[{}]:443", "({})", "from {} on", "{}.", "{},", "a={}", "'{}'", "client:{}", "{}/24"]
    ),
)
def test_no_address_is_written(address: object, around: str) -> None:
    text = str(withhold(None, "info", {"error": around.format(address)})["error"])
    assert str(address) not in text
    assert WITHHELD in text


@pytest.mark.parametrize("field", ["client", "server_name", "qname", "host", "addresses", "flow"])
def test_fields_that_would_name_somebody_are_withheld(into: Log, field: str) -> None:
    into.start().log.info("x", **{field: "api.example.com"})
    assert into.events()[0][field] == WITHHELD
