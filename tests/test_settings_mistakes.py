"""Every kind of mistake in a configuration: the exact line that its owner reads."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.documents import DocumentError, Problem
from monitor.files import InputError
from monitor.settings import load_settings

HEAD = "version: 1\ncapture: {interfaces: [lo]}\npolicy: policy.yaml\n"  # three lines that are right
BLOCK = "version: 1\npolicy: policy.yaml\ncapture:\n  "  # four, the last of them below `capture:`
AN_INTERFACE = "write an interface's name as `ip link` shows it, such as eth0"
A_SIZE = "write a size such as 500 kB, 10 MB or 1 GiB"
DAYS = "write a whole number from 1 to 36500"
TOP = "keys below it: version, capture"
IN_RANGE = "write a whole number from 0 to 65535"

# what is written; then the line, the problem and the mend that come back
FORM = [
    ("capture: {interfaces: [lo]}", 1, "document: object missing required field version", "add `version:`"),
    ("version: 1", 1, "document: object missing required field capture", "add `capture:`"),
    ("version: 2\ncapture: {}", 1, "version: invalid enum value 2 (found '2')", "use one of: 1"),
    ("[version, 1]", 1, "document: expected object, got array", f"write {TOP}"),
    ("version 1", 1, "document: expected object, got str (found 'version 1')", f"write {TOP}"),
    ("", 1, "the document is empty", "it needs version, capture"),
    ("# nothing\n", 1, "the document is empty", "it needs version, capture"),
    (HEAD + "polcy: x", 4, "unknown key 'polcy'", "did you mean 'policy'?"),
    (HEAD + "policy: x", 4, "'policy' stands twice", "keep one of them"),
    (HEAD + "\tlog: x", 4, "not YAML: found a tab character that violates indentation",
     "write plain YAML: two spaces a level, no tabs"),
    (HEAD + "metrics: &m {}\nlog: *m", 5, "alias *m", "write the value out"),
    (HEAD + "on: 1", 4, "YAML reads the key on as no word", 'write "on"'),
    (HEAD + "sensor: NO", 4, "YAML reads a bare NO as true or false", 'write "NO"'),
    (HEAD + "sensor: 7", 4, "sensor: expected str, got int (found '7')", 'write it in quotes: "7"'),
    (HEAD + 'sensor: "a\\nb"', 4, "sensor: text with line breaks or control characters (found 'a\\nb')",
     "write one line of printable text"),
    (HEAD + 'sensor: ""', 4, "sensor: expected str of length >= 1 (found '')",
     "write something, or remove the key"),
    (HEAD + f"sensor: {'x' * 201}", 4, f"sensor: expected str of length <= 200 (found '{'x' * 80}...')",
     "write at most 200 characters"),
    (HEAD + "processes: maybe", 4, "processes: expected bool, got str (found 'maybe')",
     "write true or false"),
    (HEAD + "ledger:\n", 4, "ledger: expected object, got null (found '')",
     "write keys below it: folder, key, retention_days"),
    (HEAD + "catalogs: own.yaml", 4, "catalogs: expected array, got str (found 'own.yaml')",
     "write a list: [own.yaml]"),
    (HEAD + "geoip:\n", 4, "geoip: expected array, got null (found '')",
     "write a list"),
    (HEAD + 'catalogs: "a\\n\\e[31m"', 4, r"catalogs: expected array, got str (found 'a\n\x1b[31m')",
     "write a list"),
    (HEAD + "metrics:\n  address:\n", 5, "metrics.address: expected str, got null (found '')",
     "write a value, or remove the key"),
    (HEAD + "log:\n  level: verbose", 5, "log.level: invalid enum value 'verbose' (found 'verbose')",
     "use one of: debug, error, info, warning"),
    (HEAD + "log:\n  format: xml", 5, "log.format: invalid enum value 'xml' (found 'xml')",
     "use one of: auto, json, text"),
    (HEAD + "security:\n  secomp: true", 5, "unknown key 'secomp'", "did you mean 'seccomp'?"),
    (HEAD + "security:\n  user: 1000", 5, "security.user: expected str, got int (found '1000')",
     'write it in quotes: "1000"'),
]  # fmt: skip
NUMBERS = [
    (BLOCK + "interface: [lo]", 4, "unknown key 'interface'", "did you mean 'interfaces'?"),
    (BLOCK + "engine: tshark", 4, "capture.engine: invalid enum value 'tshark' (found 'tshark')",
     "use one of: auto, dpkt, native"),
    (BLOCK + "threads: 0", 4, "capture.threads: expected int >= 1 (found '0')",
     "write a whole number from 1 to 64"),
    (BLOCK + "threads: 65", 4, "capture.threads: expected int <= 64 (found '65')",
     "write a whole number from 1 to 64"),
    (BLOCK + 'threads: "2"', 4, "capture.threads: expected int, got str (found '2')",
     "write it without quotes: 2"),
    (BLOCK + "threads: 1.5", 4, "capture.threads: expected int, got float (found '1.5')",
     "write a whole number from 1 to 64"),
    (BLOCK + "snaplen: 64", 4, "capture.snaplen: expected int >= 96 (found '64')",
     "use one of: auto, full, or a whole number from 96 to 262144"),
    (BLOCK + "snaplen: all", 4, "capture.snaplen: invalid enum value 'all' (found 'all')",
     "use one of: auto, full, or a whole number from 96 to 262144"),
    (BLOCK + "ring_bytes: 65536", 4, "capture.ring_bytes: expected int >= 1048576 (found '65536')",
     "write a whole number from 1048576 to 4294967296"),
    (BLOCK + "ring_bytes: 8 GiB", 4, "capture.ring_bytes: expected int <= 4294967296 (found '8 GiB')",
     "write a whole number from 1048576 to 4294967296"),
    (BLOCK + "ring_bytes: 64M", 4, "capture.ring_bytes: '64M' is no size", A_SIZE),
    (HEAD + "limits:\n  stream_bytes: much", 5, "limits.stream_bytes: 'much' is no size", A_SIZE),
    (HEAD + "limits:\n  flow: 5000", 5, "unknown key 'flow'", "did you mean 'flows'?"),
    (HEAD + "limits:\n  flows: 10", 5, "limits.flows: expected int >= 1000 (found '10')",
     "write a whole number from 1000 to 100000000"),
    (HEAD + "name_limits:\n  hellos: 1", 5, "name_limits.hellos: expected int >= 2 (found '1')",
     "write a whole number from 2 to 1000"),
    (HEAD + "limits: {reading_bytes: 1MiB, stream_bytes: 2MiB}", 4,
     "stream_bytes of one flow (2097152) are more than reading_bytes of all",
     "write at most 1048576, or raise `reading_bytes:`"),
    (HEAD + "ledger:\n  retention_days:\n    allow: 7 days", 6,
     "ledger.retention_days.allow: expected int, got str (found '7 days')", DAYS),
    (HEAD + "ledger:\n  retention_days: 30", 5,
     "ledger.retention_days: expected object, got int (found '30')",
     "write keys below it: violation, indeterminate, unassigned, excepted, allow, inventory, coverage"),
    (HEAD + "ledger: {retention_days: {violations: 3}}", 4, "unknown key 'violations'",
     "did you mean 'violation'?"),
    (HEAD + "privacy: {pseudonyms: {rotate_days: 0}}", 4,
     "privacy.pseudonyms.rotate_days: expected int >= 1 (found '0')", DAYS),
    (HEAD + "metrics: {port: 70000}", 4, "metrics.port: expected int <= 65535 (found '70000')", IN_RANGE),
    (HEAD + "metrics: {port: -1}", 4, "metrics.port: expected int >= 0 (found '-1')", IN_RANGE),
    (HEAD + "metrics: {max_series: 10}", 4, "metrics.max_series: expected int >= 100 (found '10')",
     "write a whole number from 100 to 1000000"),
    (HEAD + "location: Frankfurt", 4, "location: expected object, got str (found 'Frankfurt')",
     "write keys below it: latitude, longitude"),
    (HEAD + "location: {latitude: 50.1}", 4, "location: object missing required field longitude",
     "add `longitude:`"),
    (HEAD + "location:\n  latitude: 91\n  longitude: 8", 5,
     "location.latitude: expected float <= 90.0 (found '91')", "write a number from -90 to 90"),
    (HEAD + 'location:\n  latitude: 50\n  longitude: "8.68"', 6,
     "location.longitude: expected float, got str (found '8.68')", "write it without quotes: 8.68"),
    (HEAD + "location: {latitude: .nan, longitude: 8}", 4,
     "location.latitude: expected float >= -90.0 (found '.nan')", "write a number from -90 to 90"),
]  # fmt: skip
MEANING = [
    ("version: 1\npolicy: policy.yaml\ncapture: {}", 3, "neither interfaces nor a folder to watch",
     "add `interfaces: [eth0]`, or `watch:` and a folder"),
    (BLOCK + "interfaces: [lo]\n  watch: folder", 5, "interfaces, and a folder to watch as well",
     "keep `interfaces:` or `watch:`"),
    (BLOCK + "interfaces:\n  - lo\n  - lo", 6, "interface 'lo' stands twice", "keep one of them"),
    (BLOCK + "interfaces: [enterprise-uplink0]", 4,
     "interface 'enterprise-uplink0' is longer than 15 bytes", AN_INTERFACE),
    (BLOCK + "interfaces: [eth0/1]", 4, "'eth0/1' is no interface's name", AN_INTERFACE),
    (BLOCK + "interfaces: [lo, eth0 eth1]", 4, "'eth0 eth1' is no interface's name", AN_INTERFACE),
    (BLOCK + "interfaces: [lo]\n  engine: dpkt\n  threads: 2", 6, "engine dpkt works in one thread",
     "write `threads: 1`, or `engine: native`"),
    (BLOCK + "watch: folder\nprocesses: true", 5,
     "captures in a folder have no processes: connections of this host are not theirs",
     "write `processes: false`, or capture from interfaces"),
    (BLOCK + "watch: folder\nledger: {folder: folder/ledger}", 5,
     "it would be written into the folder that is watched", "name another"),
    (BLOCK + "watch: folder\nstate: folder/state", 5,
     "it would be written into the folder that is watched", "name another"),
    (HEAD + "ledger: {folder: folder/ledger}\nstate: folder", 4, "the ledger and `state` lie in one another",
     "name a folder elsewhere"),
    (HEAD + "ledger: {folder: ledger, key: ledger/key}", 4,
     "the key lies in the ledger that it signs: who may read that could sign another",
     "name a file elsewhere"),
    (HEAD + "outbox: {dead_after: soon}", 4, "'soon' is no duration",
     "write a number with its unit, such as 30s, 5m, 24h or 7d"),
    (HEAD + "outbox:\n  dead_after: 59s", 5, "59s is out of bounds", "write from 1m to 366d"),
    (HEAD + "outbox:\n  dead_after: 367d", 5, "367d is out of bounds", "write from 1m to 366d"),
]  # fmt: skip
FILE = "- {type: jsonl, name: a, path: a.jsonl}\n  "
HOOK = "- {type: webhook, name: a, url: "
BROKER = "- {type: kafka, name: a, brokers: [k:9092], options: {"
SINK_MISTAKES = [
    ("- {type: carrier-pigeon, name: a}", 5,
     "sinks[0].type: invalid value 'carrier-pigeon' (found 'carrier-pigeon')",
     "use one of: jsonl, webhook, syslog, alertmanager, redis, kafka, smtp"),
    ("- {type: jsonl, name: a}", 5, "sinks[0]: object missing required field path", "add `path:`"),
    (HOOK + "'https://x', secret: geheim}", 5, "unknown key 'secret'", "did you mean 'secret_file'?"),
    ("- {type: jsonl, name: a, path: b.jsonl, rotate_bytes: much}", 5,
     "sinks[0].rotate_bytes: 'much' is no size", "write a size such as 500 kB, 10 MB or 1 GiB"),
    (FILE + "- {type: jsonl, name: a, path: b.jsonl}", 6, "two sinks are named 'a'",
     "give each a name of its own: what was delivered is known by it"),
    (FILE + "- {type: jsonl, name: b, path: a.jsonl}", 6, "two sinks write to a.jsonl",
     "give each a file of its own"),
    ("- {type: jsonl, name: a, path: ~/a.jsonl}", 5, "~ is not expanded in '~/a.jsonl'",
     "write the whole path"),
    (HOOK + "soc.example.net}", 5, "'soc.example.net' is no address of a webhook",
     "write it as https://soc.example.net/hook"),
    (HOOK + "'ftp://soc.example.net/'}", 5, "'ftp://soc.example.net/' is no address of a webhook",
     "write it as https://soc.example.net/hook"),
    (HOOK + "'https://:443/'}", 5, "'https://:443/' is no address of a webhook",
     "write it as https://soc.example.net/hook"),
    (HOOK + "'https://x:99999/'}", 5, "'https://x:99999/' is no address of a webhook",
     "write it as https://soc.example.net/hook"),
    (HOOK + "'https://[::1/'}", 5, "'https://[::1/' is no address of a webhook",
     "write it as https://soc.example.net/hook"),
    ("- {type: alertmanager, name: a, url: 'htps://ana:secret@am/'}", 5,
     "this is no address of an Alertmanager", "write it as https://alerts.example.net:9093"),
    ("- {type: alertmanager, name: a, url: 'https://am/?x=y'}", 5, "a query stands in the address",
     "remove it: /api/v2/alerts goes behind the path"),
    (HOOK + "'https://me:geheim@x/'}", 5, "a secret stands in the address",
     "remove it, and write `token_file:` and its file"),
    ("- {type: alertmanager, name: a, url: 'x:9093'}", 5, "'x:9093' is no address of an Alertmanager",
     "write it as https://alerts.example.net:9093"),
    ("- {type: redis, name: a, url: 'https://x'}", 5, "'https://x' is no address of a Redis server",
     "write it as rediss://redis.example.net:6379/0"),
    ("- {type: redis, name: a, url: 'rediss://:geheim@x'}", 5, "a secret stands in the address",
     "remove it, and write `password_file:` and its file"),
    (BROKER + "sasl.password: geheim}}", 5, "the secret sasl.password stands in the configuration",
     "remove it, and write `password_file:` and its file"),
    (HOOK + "'https://x', tls: {key: policy.yaml}}", 5, "a key without its certificate",
     "write `certificate:`, too"),
    ("- {type: smtp, name: a, host: localhost, sender: a@x, recipients: [b@x], user: me}", 5,
     "user without password_file", "write `password_file:`, or remove it"),
    ("- {type: smtp, name: a, host: x, sender: a@x, recipients: [b@x], password_file: policy.yaml}", 5,
     "password_file without user", "write `user:`, or remove it"),
    ("- {type: smtp, name: a, host: x, sender: a@x, recipients: []}", 5,
     "sinks[0].recipients: expected array of length >= 1", "write at least one, or remove the key"),
]  # fmt: skip
SINK_ODD = [
    (HOOK + "'http://soc.example.net/'}", 5,
     "findings go to soc.example.net over plain http: whoever is on the way can read and change them",
     "write https://"),
    ("- {type: redis, name: a, url: 'redis://192.0.2.1'}", 5,
     "findings go to 192.0.2.1 over plain redis: whoever is on the way can read and change them",
     "write rediss://"),
    ("- {type: smtp, name: a, host: mx, sender: a@x, recipients: [b@x], security: none}", 5,
     "findings go to mx over plain SMTP: whoever is on the way can read and change them",
     "write `security: starttls`, or tls"),
    ("- {type: syslog, name: a, host: siem, transport: tcp}", 5,
     "findings go to siem over plain TCP: whoever is on the way can read and change them",
     "write `transport: tls`"),
    (HOOK + "'https://x/#y'}", 5, "#y is sent to nobody", "remove it"),
    (HOOK + "'http://127.0.0.1/', tls: {server_name: x}}", 5, "http:// uses no TLS",
     "remove it, or write https://"),
    (HOOK + "'https://x', secret_file: none}", 5, "none: no such file or directory",
     "check the path: it counts from FOLDER"),
    (HOOK + "'https://x', tls: {ca: /nowhere/ca.pem}}", 5, "/nowhere/ca.pem: no such file or directory",
     "check the path"),
]  # fmt: skip
SINK_FINE = [
    HOOK + "'http://127.0.0.1:8080/hook?x=y'}",
    HOOK + "'http://localhost/', secret_file: policy.yaml}",
    HOOK + "'http://[::1]:80/'}",
    "- {type: syslog, name: a, host: 127.0.0.1, transport: tcp}",
    "- {type: smtp, name: a, host: localhost, sender: a@x, recipients: [b@x], security: none}",
    "- {type: redis, name: a, url: 'rediss://me@x'}",
    BROKER + "compression.type: zstd}}",
    FILE + "- {type: jsonl, name: b, path: b.jsonl}",
]
ODD = [
    ("version: 1\ncapture: {interfaces: [lo]}", 1, "no policy: connections are listed, and none is judged",
     "add `policy:` and its file"),
    (HEAD + "metrics: {address: 0.0.0.0}", 4,
     "metrics are served on 0.0.0.0 to whoever asks, without authentication",
     "write 127.0.0.1, or let a firewall or a proxy decide who may ask"),
    (HEAD + 'metrics: {address: "2001:db8::1"}', 4,
     "metrics are served on 2001:db8::1 to whoever asks, without authentication",
     "write 127.0.0.1, or let a firewall or a proxy decide who may ask"),
    (BLOCK + "watch: folder\n  snaplen: full", 5, "snaplen means nothing for a folder of captures",
     "remove it"),
    (BLOCK + "watch: folder\n  promiscuous: true", 5,
     "promiscuous means nothing for a folder of captures", "remove it"),
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a policy (never read here), a folder and a pipe."""
    made = tmp_path_factory.mktemp("etc")
    (made / "policy.yaml").write_text("", encoding="utf-8")
    (made / "folder").mkdir()
    os.mkfifo(made / "pipe")
    return made


def written(folder: Path, text: str) -> Path:
    path = folder / "r.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_there_are_enough() -> None:
    assert len([*FORM, *NUMBERS, *MEANING]) >= 70


@pytest.mark.parametrize(("text", "line", "problem", "mend"), [*FORM, *NUMBERS, *MEANING])
def test_a_mistake_is_one_line(text: str, line: int, problem: str, mend: str, folder: Path) -> None:
    path = written(folder, text)
    with pytest.raises(DocumentError) as caught:
        load_settings(path)
    expected = f"{path}:{line}: error: {problem}; {mend.replace('FOLDER', str(folder))}"
    assert str(caught.value).splitlines() == [expected]


@pytest.mark.parametrize(("text", "line", "problem", "mend"), ODD)
def test_what_is_odd_is_a_warning(text: str, line: int, problem: str, mend: str, folder: Path) -> None:
    path = written(folder, text)
    found = [str(warning) for warning in load_settings(path).warnings]
    assert found == [f"{path}:{line}: warning: {problem}; {mend}"]


@pytest.mark.parametrize(("text", "line", "problem", "mend"), SINK_MISTAKES)
def test_a_mistake_in_a_sink_is_one_line(text: str, line: int, problem: str, mend: str, folder: Path) -> None:
    test_a_mistake_is_one_line(f"{HEAD}sinks:\n  {text}", line, problem, mend, folder)


@pytest.mark.parametrize(("text", "line", "problem", "mend"), SINK_ODD)
def test_what_is_odd_in_a_sink_is_a_warning(
    text: str, line: int, problem: str, mend: str, folder: Path
) -> None:
    test_what_is_odd_is_a_warning(
        f"{HEAD}sinks:\n  {text}", line, problem, mend.replace("FOLDER", str(folder)), folder
    )


@pytest.mark.parametrize("text", SINK_FINE)
def test_sinks_with_nothing_to_remark_on(text: str, folder: Path) -> None:
    assert load_settings(written(folder, f"{HEAD}sinks:\n  {text}\n")).warnings == ()


def test_pseudonyms_without_a_policy_have_one_key(folder: Path) -> None:
    text = "version: 1\ncapture: {interfaces: [lo]}\nprivacy: {pseudonyms: {enabled: true}}"
    first, second = load_settings(written(folder, text)).warnings
    assert first.problem.startswith("no policy")
    assert (second.line, second.problem) == (
        3,
        "pseudonyms without a policy: it has no tenants, so one key serves all clients",
    )


def test_all_mistakes_of_meaning_come_at_once_in_the_order_of_lines(folder: Path) -> None:
    text = (
        "version: 1\nsecurity: {user: '-'}\nmetrics: {address: here}\ncapture: {interfaces: [lo, lo, a/b]}\n"
    )
    with pytest.raises(DocumentError) as caught:
        load_settings(written(folder, text))
    found = [(each.line, each.level) for each in caught.value.problems]
    assert found == [(1, "warning"), (2, "error"), (3, "error"), (4, "error"), (4, "error")]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"version: 1\n# \xff\n", r": offset 13: not UTF-8; save it as UTF-8 text"),
        (b"version: 1\n\x00\x01", r":1: error: not YAML: .*; write plain YAML: two spaces a level, no tabs"),
        (b"\x7fELF\x02\x01\x01\x00\x00", r":1: error: not YAML: .*; write plain YAML.*"),
        (b"#" * (8 * 1024 * 1024 + 1), r": larger than 8 MiB; split it, or check that it is the right file"),
    ],
)
def test_what_is_no_text_is_one_line(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_bytes(content)
    with pytest.raises((InputError, DocumentError)) as caught:
        load_settings(path)
    assert re.fullmatch(re.escape(str(path)) + says, str(caught.value))


KEYS = ("version", "capture", "interfaces", "watch", "policy", "metrics", "address", "ring_bytes", "user")
SCRAPS = ("1", "[", "]", "{", "}", ": ", ", ", "\n", "  ", "- ", "~", "lo", "64MiB", "NO", "*a", "&a", '"')


@settings(max_examples=300)
@given(st.lists(st.sampled_from([*KEYS, *SCRAPS]) | st.text(max_size=4), max_size=30))
def test_any_text_is_settings_or_lines_with_mends(folder: Path, pieces: list[str]) -> None:
    path = folder / "any.yaml"
    path.write_text(HEAD + "".join(pieces), encoding="utf-8", errors="replace")
    problems: tuple[Problem, ...] = ()
    try:
        load_settings(path)
    except DocumentError as error:
        problems = error.problems
    assert all(problem.mend and len(str(problem).splitlines()) == 1 for problem in problems)
