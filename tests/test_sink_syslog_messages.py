"""Syslog messages by themselves: their bound, their escapes, their times."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.events import FindingEvent, read_native
from monitor.policy.words import Severity
from monitor.sink_options import Format
from monitor.sinks.plain import plain, plain_ascii
from monitor.sinks.syslog_message import MAX_MESSAGE_BYTES, Syslog, framed
from monitor.types import Evidence
from tests.observed import at
from tests.sinks_kit import checkpoint, finding, opened, told

_HEAD = re.compile(
    rb"<(1[3-8]\d)>1 (-|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) [!-~]{1,255} residency - [!-~]{1,32} "
    rb'\[residency@32473(?: [a-z]+="(?:[^"\\\]]|\\["\\\]])*")+\] '
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)


@given(title=TEXT, key=TEXT, sensor=TEXT, tenant=TEXT, at_ns=st.integers(-(2**63), 2**63 - 1))
def test_whatever_an_event_says_the_message_is_one_of_rfc_5424(
    title: str, key: str, sensor: str, tenant: str, at_ns: int
) -> None:
    found = finding(1, title=title, name=title)
    found = msgspec.structs.replace(found, subject=msgspec.structs.replace(found.subject, tenant=tenant))
    event = told(found)
    basis = msgspec.structs.replace(event.basis, sensor=sensor)
    message, _ = Syslog("local3", "native").message(
        msgspec.structs.replace(event, key=key, basis=basis, at_ns=at_ns)
    )
    head = _HEAD.match(message)
    assert head is not None
    assert len(message) <= MAX_MESSAGE_BYTES
    assert not re.search(rb"[\x00-\x1f\x7f]", message)


def laden(evidence: int, title: str = "t") -> FindingEvent:
    """Return an event with a large sample."""
    found = finding(1, title=title)
    assert found.sample is not None
    items = tuple(Evidence("name", f"{each}.example", "says " * 20, "d") for each in range(evidence))
    return told(msgspec.structs.replace(found, sample=msgspec.structs.replace(found.sample, evidence=items)))


@pytest.mark.parametrize("form", ["native", "ocsf", "ecs", "cef"])
def test_each_form_fits(form: Format) -> None:
    assert Syslog("local0", form).message(opened())[1] is False


def test_a_message_that_is_too_long_goes_without_its_sample_and_stays_whole() -> None:
    message, shortened = Syslog("local0", "native").message(laden(500))
    head, _, text = message.partition(b"\xef\xbb\xbf")
    assert shortened
    assert b'without="sample"' in head
    event = read_native(text)
    assert isinstance(event, FindingEvent)
    assert event.change.finding.sample is None


def test_one_that_is_still_too_long_is_cut_between_two_characters() -> None:
    message, shortened = Syslog("local0", "native").message(laden(0, "\u00fc" * 9_000))
    assert shortened
    assert b'without="text"' in message
    assert MAX_MESSAGE_BYTES - 1 <= len(message) <= MAX_MESSAGE_BYTES
    assert message.decode().endswith("\u00fc")


def test_octets_are_counted() -> None:
    message, _ = Syslog("local0", "cef").message(checkpoint())
    assert framed(message) == str(len(message)).encode() + b" " + message
    assert b"\xef\xbb\xbf" not in message


@pytest.mark.parametrize(
    ("severity", "priority"), [("critical", 130), ("high", 131), ("medium", 132), ("low", 133)]
)
def test_a_severity_has_its_priority(severity: Severity, priority: int) -> None:
    found = finding(severity=severity)
    assert Syslog("local0", "cef").message(told(found))[0].startswith(f"<{priority}>1 ".encode())


def test_times_outside_the_calendar_are_not_said() -> None:
    event = msgspec.structs.replace(opened(), at_ns=2**63 - 1)
    assert Syslog("local0", "cef").message(event)[0].startswith(b"<131>1 2262-04-11T23:47:16.854775Z ")
    event = msgspec.structs.replace(opened(), at_ns=at(0) * 1_000)
    assert Syslog("local0", "cef").message(event)[0].startswith(b"<131>1 - ")


@given(TEXT, st.integers(4, 50))
def test_plain_text_is_printable_and_bounded(text: str, limit: int) -> None:
    assert plain(text, limit).isprintable()
    assert len(plain(text, limit)) <= limit
    assert re.fullmatch("[!-~]*", plain_ascii(text, limit))
