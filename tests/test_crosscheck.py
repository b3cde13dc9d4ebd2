"""tshark agrees on every server name and DNS answer, but for the exceptions here, each with its reason."""

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from functools import cache
from pathlib import Path

import msgspec
import pytest

from monitor import app, opinions
from monitor.crosscheck import (
    MAX_ITEMS,
    Comparison,
    Decided,
    DnsAnswer,
    Item,
    PacketsRead,
    ServerName,
    Statement,
    compare,
)
from monitor.exitstatus import Exit
from monitor.opinions import Checked, packet_numbers
from monitor.types import Attribution, Connection, Decision, Subject, Totals
from pcaps import golden
from sensors.observations import Fault, FlowKey, HelloSeen, NameResolved
from tests.captures_kit import packets, pcap
from tests.observed import CLIENT, SERVER, flow_key, hello, resolved
from tests.test_foreign_captures import CAPTURES, files
from tests.tshark_help import needs_tshark

TRANSLATED = "captured before and after an address translation: one connection to tshark"
IN_TWO_PACKETS = "tshark puts no hello of Google's QUIC together"
OTHER_PORT = "tshark knows SOCKS by its port, 1080"
# By case or file: the name, the engine that alone has it, and why.
EXCEPTIONS: dict[str, list[tuple[str, str, str]]] = {
    "gquic": [("generativelanguage.googleapis.com", "dpkt", IN_TWO_PACKETS)],
    "ja4/socks4-https.pcap": [("login.live.com", "dpkt", OTHER_PORT)],
    "mercury/quic-crypto-packets.pcap": [
        ("graph.facebook.com", "dpkt", TRANSLATED),
        ("ssl.google-analytics.com", "dpkt", TRANSLATED),
        ("firebaselogging-pa.googleapis.com", "dpkt", TRANSLATED),
    ],
}


@cache
def known(policy: Path | None, *catalogs: Path) -> app.Knowledge:
    """Return what decisions rest on."""
    return app.load_knowledge(policy, catalogs)


def check(capture: Path | str) -> Comparison:
    """Have both engines read a capture: a case of ours, or a file of others."""
    if isinstance(capture, str):
        return opinions.crosscheck(CAPTURES / capture, ("dpkt", "tshark"), known(None)).comparison
    knowledge = known(golden.POLICY, *(path for path in [capture / "catalog.yaml"] if path.exists()))
    return opinions.crosscheck(golden.traffic(capture), ("dpkt", "tshark"), knowledge).comparison


@pytest.fixture(scope="module")
def checks(request: pytest.FixtureRequest) -> Iterator[dict[Path | str, Future[Comparison]]]:
    """Have all captures of the tests that run read at once: most of the time is tshark's, to start."""
    calls = [item.callspec for item in request.session.items if hasattr(item, "callspec")]
    captures = [call.params["capture"] for call in calls if "capture" in call.params]
    pool = ProcessPoolExecutor(len(os.sched_getaffinity(0)), multiprocessing.get_context("fork"))
    try:
        yield {capture: pool.submit(check, capture) for capture in captures}
    finally:
        pool.shutdown(cancel_futures=True)


def names_of_one(comparison: Comparison) -> set[tuple[str, str]]:
    """Return the names that one engine alone has, and which one."""
    found = [(each.item, each.only_in) for each in comparison.differences]
    return {(item.name, engine) for item, engine in found if isinstance(item, ServerName)}


@needs_tshark
@pytest.mark.parametrize("capture", golden.cases(), ids=[case.name for case in golden.cases()])
def test_our_captures(capture: Path, checks: dict[Path | str, Future[Comparison]]) -> None:
    comparison = checks[capture].result()
    assert names_of_one(comparison) == {each[:2] for each in EXCEPTIONS.get(capture.name, [])}
    assert all(isinstance(each.item, ServerName) and each.because for each in comparison.differences)
    assert comparison.agreed["packets"] == 1
    assert comparison.agreed["decision"] == len({*map(_decided, golden.decisions(capture))})


def _decided(line: bytes) -> Decided:
    statement = Statement("golden")
    statement.decide(msgspec.json.decode(line, type=Decision))
    (item,) = statement.items
    assert isinstance(item, Decided)
    return item


@needs_tshark
@pytest.mark.parametrize("capture", files())
def test_captures_of_others(capture: str, checks: dict[Path | str, Future[Comparison]], shared: Path) -> None:
    assert shared / "captures" == CAPTURES
    comparison = checks[capture].result()
    assert names_of_one(comparison) == {each[:2] for each in EXCEPTIONS.get(capture, [])}
    differing = [each for each in comparison.differences if not isinstance(each.item, Decided)]
    assert all(isinstance(each.item, ServerName) for each in differing)
    assert all(each.packet is not None and each.because for each in differing)


def test_the_exceptions_are_captures_that_are_there(shared: Path) -> None:
    assert shared / "captures" == CAPTURES
    assert set(EXCEPTIONS) <= {*files(), *(case.name for case in golden.cases())}


Said = HelloSeen | NameResolved | Decision


def decision(flow: FlowKey, region: str | None, ts_ns: int = 5) -> Decision:
    """Return a decision on a flow."""
    connection = Connection(ts_ns, flow, Subject(), (), None, Totals(), "address")
    return Decision(ts_ns, connection, Attribution(provider="openai", region=region), "allow")


def statement(engine: str, *said: Said, packets: int = 9) -> Statement:
    """Return what an engine says."""
    made = Statement(engine)
    for each in said:
        if isinstance(each, Decision):
            made.decide(each)
        else:
            made.observe([each])
    made.finish(packets)
    return made


ELSEWHERE = FlowKey(CLIENT, 50_000, SERVER, 443, "tcp", 100, "vxlan:7")
AGREEING: list[tuple[str, Sequence[Said], Sequence[Said]]] = [
    ("a name at another time", [hello(1, "a.example")], [hello(2, "a.example")]),
    ("a name said twice", [hello(1, "a.example"), hello(2, "a.example")], [hello(2, "a.example")]),
    ("a name in what one calls a tunnel", [hello(1, "a.example")], [hello(1, "a.example", ELSEWHERE)]),
    ("no name", [hello(1, None)], []),
    (
        "addresses in another order",
        [resolved(1, "a", "1.1.1.1", "2.2.2.2")],
        [resolved(1, "a", "2.2.2.2", "1.1.1.1")],
    ),
    ("another time to live", [resolved(1, "a", ttl=1)], [resolved(1, "a", ttl=2)]),
    ("a decision", [decision(flow_key(), "eu")], [decision(ELSEWHERE, "eu", 7)]),
]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), [row[1:] for row in AGREEING], ids=[row[0] for row in AGREEING])
def test_what_is_the_same(left: Sequence[Said], right: Sequence[Said]) -> None:
    comparison = compare(statement("native", *left), statement("tshark", *right))
    assert comparison.differences == ()
    assert sum(comparison.agreed.values()) == len({type(each) for each in right}) + 1


DIFFERING: list[tuple[str, Said, Said, type[Item]]] = [
    ("the name", hello(1, "a.example"), hello(1, "b.example"), ServerName),
    ("the flow", hello(1, "a.example"), hello(1, "a.example", flow_key(port=8443)), ServerName),
    (
        "the carrier",
        hello(1, "a.example"),
        msgspec.structs.replace(hello(1, "a.example"), carrier="http"),
        ServerName,
    ),
    ("the address", resolved(1, "a", "1.1.1.1"), resolved(1, "a", "1.1.1.2"), DnsAnswer),
    ("the aliases", resolved(1, "a", cnames=("b", "c")), resolved(1, "a", cnames=("c", "b")), DnsAnswer),
    ("the client", resolved(1, "a"), resolved(1, "a", client="10.9.9.9"), DnsAnswer),
    ("the region", decision(flow_key(), "eu"), decision(flow_key(), "us"), Decided),
]  # fmt: skip


@pytest.mark.parametrize(
    ("left", "right", "kind"), [row[1:] for row in DIFFERING], ids=[row[0] for row in DIFFERING]
)
def test_what_differs(left: Said, right: Said, kind: type[Item]) -> None:
    comparison = compare(statement("native", left), statement("tshark", right))
    assert [type(each.item) for each in comparison.differences] == [kind, kind]
    assert {each.only_in for each in comparison.differences} == {"native", "tshark"}
    assert comparison.agreed["packets"] == 1


def test_engines_that_read_another_number_of_packets() -> None:
    comparison = compare(statement("native", packets=9), statement("tshark", packets=8))
    assert [each.item for each in comparison.differences] == [PacketsRead(8), PacketsRead(9)]


def test_differences_come_in_the_order_of_time() -> None:
    left = statement("native", hello(3, "c.example"), hello(1, "a.example"))
    comparison = compare(left, statement("tshark", hello(2, "b.example")))
    names = [each.item.name for each in comparison.differences if isinstance(each.item, ServerName)]
    assert names == ["a.example", "b.example", "c.example"]


QUIC = msgspec.structs.replace(hello(1, "a.example"), carrier="quic")
SOCKS = msgspec.structs.replace(hello(1, "a.example"), carrier="socks")
REASONS = [
    ("QUIC", statement("native", QUIC), statement("tshark"), ["translation"]),
    (
        "late hello",
        statement("native"),
        statement("tshark", hello(1, "a.example")),
        ["wherever one may stand"],
    ),
    ("SOCKS", statement("native", SOCKS), statement("tshark"), ["1080"]),
    ("DNS", statement("dpkt", resolved(1, "a")), statement("tshark"), ["broken"]),
    ("two of ours", statement("dpkt", hello(1, "a.example")), statement("native"), [None]),
    ("TLS that tshark misses", statement("dpkt", hello(1, "a.example")), statement("tshark"), [None]),
    (
        "a decision that a name explains",
        statement("dpkt", hello(0, "a.example"), decision(flow_key(), "eu")),
        statement("native"),
        ["follows from the difference in the server name", None],
    ),
    (
        "a decision that DNS may explain",
        statement("dpkt", resolved(0, "a"), decision(flow_key(), "eu")),
        statement("native"),
        ["may follow from", None],
    ),
    ("a decision alone", statement("dpkt", decision(flow_key(), "eu")), statement("native"), [None]),
]


@pytest.mark.parametrize(
    ("left", "right", "wanted"), [row[1:] for row in REASONS], ids=[row[0] for row in REASONS]
)
def test_known_differences_are_explained(left: Statement, right: Statement, wanted: list[str | None]) -> None:
    reasons = [each.because for each in compare(left, right).differences]
    assert len(reasons) == len(wanted)
    for reason, words in zip(reasons, wanted, strict=True):
        assert (reason is None) is (words is None)
        assert words is None or words in str(reason)


def test_a_statement_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_ITEMS > 100_000
    monkeypatch.setattr("monitor.crosscheck.MAX_ITEMS", 2)
    said = statement("native", *(hello(index, f"{index}.example") for index in range(5)))
    comparison = compare(said, said)
    assert (comparison.agreed["server_name"], comparison.left_out) == (2, 6)


def test_packet_numbers(tmp_path: Path) -> None:
    frames = packets(5)
    same_time = frames[3]._replace(data=b"\0" * 60)
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([*frames[:4], same_time, frames[4]]))
    wanted = {frames[0].ts_ns, frames[3].ts_ns, frames[4].ts_ns, 1}
    assert packet_numbers(path, wanted) == {frames[0].ts_ns: 1, frames[3].ts_ns: 4, frames[4].ts_ns: 6}


NOTHING = compare(statement("a"), statement("b"))
SOMETHING = compare(statement("a"), statement("b", hello(1, "x")))
STATUSES: list[tuple[str, Comparison, list[str], Exit]] = [
    ("agree", NOTHING, [], Exit.DONE),
    ("differ", SOMETHING, [], Exit.VIOLATIONS),
    ("differ, and cut", SOMETHING, ["truncated"], Exit.INCOMPLETE),
    ("not read", SOMETHING, ["truncated", "unreadable"], Exit.UNREADABLE),
    ("not all compared", msgspec.structs.replace(NOTHING, left_out=1), [], Exit.INCOMPLETE),
]


@pytest.mark.parametrize(
    ("comparison", "kinds", "wanted"), [row[1:] for row in STATUSES], ids=[row[0] for row in STATUSES]
)
def test_statuses(comparison: Comparison, kinds: list[str], wanted: Exit) -> None:
    faults = tuple(
        msgspec.convert({"path": "x", "offset": 0, "kind": kind, "problem": "p", "mend": "m"}, Fault)
        for kind in kinds
    )
    results = [Checked(Path("x"), comparison, faults), Checked(Path("y"), NOTHING, ())]
    assert opinions.status(results) == wanted
