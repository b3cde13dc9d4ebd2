"""A replay's folder of any size, for the benchmark of reports: the demo's decisions, again and again.

Each connection has a client, a port, a time and a size of its own. Places and providers are the demo's, and
so are its findings, whose identifiers depend on neither.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec.structs import replace

from monitor import app, replaying
from monitor.counts import FlowCount
from monitor.exports import DECISIONS, FINDINGS, SUMMARY
from monitor.types import Decision

ROOT = Path(__file__).resolve().parents[2]
CAPTURE, POLICY = ROOT / "pcaps/demo/traffic.pcap", ROOT / "policies/eu-crm.yaml"
STEP_NS = 600_000_000  # between two connections: a million take a week
CLIENTS = 40_000  # that are told apart

# What stands in a line for what differs: nothing else in it is one of these.
_TS, _PORT, _BYTES = 8_888_888_888_888_888_888, 77_777, 6_666_666_666
_CLIENT = "client-of-the-line"


def make_folder(folder: Path, connections: int) -> int:
    """Write decisions, findings and a summary that agree; return how many bytes the decisions have."""
    with tempfile.TemporaryDirectory() as made:
        out = Path(made)
        knowledge = app.load_knowledge(POLICY)
        summary = replaying.replay([CAPTURE], knowledge, replaying.Reading("dpkt"), out).summary
        lines = (out / DECISIONS).read_bytes().splitlines()
        findings = (out / FINDINGS).read_bytes()
    demo = [msgspec.json.decode(line, type=Decision) for line in lines]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / DECISIONS).open("wb") as file:
        file.writelines(_lines(demo, connections))
    (folder / FINDINGS).write_bytes(findings)
    whole = replace(summary, llm_related=FlowCount(connections))
    (folder / SUMMARY).write_bytes(msgspec.json.encode(whole))
    return (folder / DECISIONS).stat().st_size


def _lines(demo: list[Decision], connections: int) -> Iterator[bytes]:
    templates = [_template(each) for each in demo]
    first_ns = min(each.ts_ns for each in demo)
    for number in range(connections):
        client = number * 7 % CLIENTS
        ts_ns = b"%d" % (first_ns + number * STEP_NS)
        yield (
            templates[number % len(templates)]
            .replace(b"%d" % _TS, ts_ns)
            .replace(_CLIENT.encode(), b"10.20.%d.%d" % (client // 250, client % 250))
            .replace(b"%d" % _PORT, b"%d" % (1_024 + number % 60_000))
            .replace(b"%d" % _BYTES, b"%d" % (2_000 + number % 9_000))
        )


def _template(decision: Decision) -> bytes:
    connection = decision.connection
    text = msgspec.json.encode(
        replace(
            decision,
            ts_ns=_TS,
            connection=replace(
                connection,
                ts_ns=_TS,
                flow=replace(connection.flow, client=_CLIENT, client_port=_PORT),
                totals=replace(connection.totals, bytes_up=_BYTES),
            ),
        )
    )
    return text.replace(connection.flow.client.encode(), _CLIENT.encode()) + b"\n"
