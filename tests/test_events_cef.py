"""Events in CEF: a parser written by the standard reads back what was written, whatever a name held."""

import re

import pytest
from hypothesis import given

from monitor.events import Event, FindingEvent, cef
from monitor.events.cef import MAX_CUSTOM, MAX_HEADER, MAX_MESSAGE
from tests.events_kit import TYPICAL, UNDECIDED, VIOLATION, any_event, of_kind

HEADER = 7
FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
KEY = re.compile(r"(?:^| )([A-Za-z0-9]+)=")


def parse(line: str) -> tuple[list[str], dict[str, str]]:
    """Return header and extension as a receiver reads them: unescaped."""
    parts = re.split(r"(?<!\\)((?:\\\\)*)\|", line, maxsplit=HEADER)
    header = [parts[at] + parts[at + 1] for at in range(0, 2 * HEADER, 2)]
    assert all(re.fullmatch(r"(?:[^\\|]|\\[\\|])*", field) for field in header), header
    rest, fields = parts[-1], {}
    keys = list(KEY.finditer(rest))
    for key, after in zip(keys, [*keys[1:], None], strict=True):
        value = rest[key.end() : after.start() if after else len(rest)]
        assert re.fullmatch(r"(?:[^\\=]|\\[\\=nr])*", value), value
        assert key[1] not in fields
        fields[key[1]] = re.sub(r"\\(.)", lambda found: {"n": "\n", "r": "\r"}.get(found[1], found[1]), value)
    return [re.sub(r"\\(.)", r"\1", field) for field in header], fields


@given(any_event())
def test_a_line_is_read_back(event: Event) -> None:
    line = cef(event)
    assert FORBIDDEN.search(line) is None
    header, fields = parse(line)
    assert header[:3] == ["CEF:0", "Residency Monitor", "residency"]
    assert 0 <= int(header[6]) <= 10
    assert fields["rt"] == str(event.at_ns // 1_000_000)
    if FORBIDDEN.search(event.key) is None and len(event.key) < 200:
        assert fields["externalId"] == event.key
    if isinstance(event, FindingEvent):
        assert fields["cs1Label" if "cs1" in fields else "cs2Label"]
        assert fields["cat"] == event.change.finding.kind


HOSTILE = "a|b\\c=d\ne\rf\x1b[31mg\x00\u202eh cs1=forged |9|src=10.0.0.1"


@pytest.mark.parametrize("field", ["title", "service", "rule", "provider", "id"])
def test_a_hostile_name_forges_no_field(field: str) -> None:
    plain, hostile = cef(of_kind(VIOLATION, **{field: "x"})), cef(of_kind(VIOLATION, **{field: HOSTILE}))
    assert FORBIDDEN.search(hostile) is None
    assert parse(plain)[1].keys() == parse(hostile)[1].keys()
    assert parse(hostile)[1]["src"] == "10.20.1.15"
    assert parse(hostile)[0][6] == "8"


def test_escapes() -> None:
    line = cef(of_kind(VIOLATION, title="a|b\\c=d\ne\x1bf"))
    assert r"|a\|b\\c=d\\x0ae\\x1bf|8|" in line
    assert r" msg=a|b\\c\=d\ne\\x1bf" in line


def test_long_values_are_cut() -> None:
    header, fields = parse(cef(of_kind(VIOLATION, title="t" * 10_000, service="s" * 10_000)))
    assert header[5] == "t" * (MAX_HEADER - 3) + "..."
    assert fields["msg"] == "t" * (MAX_MESSAGE - 3) + "..."
    assert len(fields["cs2"]) == MAX_CUSTOM


def test_addresses_by_version_and_pseudonyms() -> None:
    v4, v6 = parse(cef(TYPICAL["violation"]))[1], parse(cef(TYPICAL["indeterminate"]))[1]
    assert (v4["src"], v4["spt"], v4["dst"], v4["dpt"]) == ("10.20.1.15", "49159", "162.159.140.245", "443")
    assert v6["shost"] == UNDECIDED.clients[0]
    assert "src" not in v6
    assert "spt" not in v6
    assert (v6["c6a3"], v6["c6a3Label"]) == ("2001:db8::7", "Destination IPv6 Address")


def test_a_checkpoint_keeps_its_line_breaks() -> None:
    event = TYPICAL["checkpoint"]
    assert parse(cef(event))[1]["cs1"] == getattr(event, "checkpoint", None)
