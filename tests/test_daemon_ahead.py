"""Verdicts before the data: the daemon's times beside those that tshark reads in the same packets."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from sensors.observations import DataSeen
from tests.live_clients import Fetch, FetchQuic, Request
from tests.live_daemon import Samples, Written, daemon
from tests.live_places import run
from tests.live_world import World
from tests.segments import Run
from tests.test_live_world import segments
from tests.tshark_help import needs_tshark

pytestmark = needs_tshark

EACH = 40  # connections of a kind, one after the other
CLIENTS = "10.20.5.0/24"
_FIELDS = (
    "frame.time_epoch", "ip.src", "ip.len", "tcp.srcport", "udp.srcport", "tls.handshake.type",
    "tls.record.content_type", "tls.record.opaque_type", "quic.short", "quic.long.packet_type",
)  # fmt: skip
NS = 1_000_000_000
CLIENT_HELLO = "1"
STAMP_NS = 5_000_000  # each socket reads the clock by itself


End = tuple[str, int]  # the client's address and port


def kinds(client: str) -> tuple[Request, ...]:
    """Return a client's connections: one of QUIC, since a port that is used anew would be the same flow."""
    return (
        Fetch(host="api.openai.com", client=client, newest="1.2"),
        Fetch(host="api.openai.com", client=client),
        FetchQuic(host="api.anthropic.com", client=client),
    )


class Times(NamedTuple):
    """When a connection's hello and first application data went up, and the IP bytes up before that."""

    hello_ns: int
    data_ns: int
    bytes_up: int


class Row(NamedTuple):
    """What tshark says of one of the client's packets: _FIELDS."""

    seconds: str
    client: str
    ip_bytes: str
    tcp: str
    udp: str
    handshakes: str
    records: str
    sealed: str
    short: str
    long: str

    def ts_ns(self) -> int:
        whole, _, part = self.seconds.partition(".")
        return int(whole) * NS + int(part)

    def has_data(self) -> bool:
        """Whether there is a sealed record, an alert, or a packet of 0-RTT or 1-RTT."""
        records = {*self.records.split(","), *self.sealed.split(",")} - {""}
        return bool(records - {"20", "22"} or self.short or "1" in self.long.split(","))


class Ahead(NamedTuple):
    """What the daemon said of connections that came one after the other."""

    path: Path
    samples: Samples
    lines: list[Written]
    times: dict[End, Times]  # by the client's end


@pytest.fixture(scope="module")
def ahead(world: World) -> Iterator[Ahead]:
    """Return what the daemon says of many short connections, and the packets themselves."""
    with daemon(world, "ahead") as sensor:
        with world.capture("ahead") as path:
            answers = world.ask(*(kind for at in range(EACH) for kind in kinds(f"10.20.5.{at + 1}")))
        assert all(answer.done for answer in answers)
        count = len(answers)

        def told(samples: Samples) -> bool:
            opened = sum(line.is_open for line in sensor.lines())
            return samples.total("verdict_bytes_count") >= count and opened >= count

        samples = sensor.wait_for(told, "all data to be seen")
        yield Ahead(path, samples, sensor.lines(), told_by_tshark(path))


def told_by_tshark(path: Path) -> dict[End, Times]:
    """Return the times of every connection, by its client's port; whatever is sealed counts as data."""
    fields = [word for field in _FIELDS for word in ("-e", field)]
    printed = run("tshark", "-r", path, "-Y", f"ip.src=={CLIENTS}", "-T", "fields", *fields)
    rows: dict[End, list[Row]] = {}
    for line in printed.splitlines():
        row = Row(*line.split("\t"))
        rows.setdefault((row.client, int(row.tcp or row.udp)), []).append(row)
    return {end: _times(of_end) for end, of_end in rows.items()}


def _times(rows: list[Row]) -> Times:
    hello = next(at for at, row in enumerate(rows) if CLIENT_HELLO in row.handshakes.split(","))
    data = next(at for at, row in enumerate(rows) if row.has_data())
    before = sum(int(row.ip_bytes) for row in rows[:data])
    return Times(rows[hello].ts_ns(), rows[data].ts_ns(), before)


def test_every_hello_and_its_data_are_where_tshark_sees_them(ahead: Ahead) -> None:
    assert len(ahead.times) == EACH * len(kinds(""))
    run_of_all = Run(segments(ahead.path), eager=True)
    hellos = {(each.flow.client, each.flow.client_port): each.ts_ns for each in run_of_all.hellos}
    data = {
        (each.flow.client, each.flow.client_port): (each.ts_ns, each.bytes_up)
        for each in run_of_all.all
        if isinstance(each, DataSeen)
    }
    assert hellos == {end: times.hello_ns for end, times in ahead.times.items()}
    assert data == {end: (times.data_ns, times.bytes_up) for end, times in ahead.times.items()}


def test_every_connection_with_data_is_in_the_metrics(ahead: Ahead) -> None:
    samples, count = ahead.samples, len(ahead.times)
    ahead_count, late = samples.total("verdict_lead_seconds_count"), samples.total("late_verdicts_total")
    assert samples.total("verdict_latency_seconds_count") == count
    assert ahead_count + late == samples.total("verdict_bytes_count") == count
    assert samples.total("verdict_bytes_sum") == sum(times.bytes_up for times in ahead.times.values())
    assert ahead_count > count / 2  # on a busy host; a quiet one has nearly all


def test_a_verdict_says_when_the_hello_came(ahead: Ahead) -> None:
    opened = [line.connection for line in ahead.lines if line.is_open]
    assert len(opened) == len(ahead.times)
    for connection in opened:
        told_ns = connection.ts_ns + connection.totals.duration_ns
        assert (
            abs(told_ns - ahead.times[connection.flow.client, connection.flow.client_port].hello_ns)
            < STAMP_NS
        )


def test_latency_and_lead_are_what_lies_between_hello_and_data(ahead: Ahead) -> None:
    samples = ahead.samples
    judged = samples.total("verdict_latency_seconds_sum") + samples.total("verdict_lead_seconds_sum")
    passed = sum(times.data_ns - times.hello_ns for times in ahead.times.values()) / NS
    slack = len(ahead.times) * STAMP_NS / NS
    assert judged >= passed - slack
    if not samples.total("late_verdicts_total"):
        assert judged <= passed + slack
