"""Every sink before servers that are none: what they do is an outcome, in bounded time and memory."""

import itertools
import socket
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from monitor.sink_options import (
    AlertmanagerOptions,
    AnySink,
    KafkaOptions,
    RedisOptions,
    SmtpOptions,
    SyslogOptions,
    WebhookOptions,
)
from monitor.sinks.factory import open_sink
from monitor.sinks.guarded import FloodError, Guard, GuardedSocket
from monitor.sinks.protocol import Delivered, RetryAfter
from tests.sinks_kit import HOST, free_port, serving, some

pytestmark = pytest.mark.enable_socket

MANY_BYTES = 64 * 1024 * 1024
_PIECE = 65_536


def _smtp(port: int, seconds: float, security: str) -> SmtpOptions:
    return SmtpOptions(
        name="mail",
        host=HOST,
        port=port,
        sender="a@example.org",
        recipients=("b@example.org",),
        security="tls" if security == "tls" else "none",
        timeout_seconds=seconds,
    )


SINKS: dict[str, Callable[[int, float], AnySink]] = {
    "syslog": lambda port, seconds: SyslogOptions(name="s", host=HOST, port=port, timeout_seconds=seconds),
    "smtp": lambda port, seconds: _smtp(port, seconds, "none"),
    "smtps": lambda port, seconds: _smtp(port, seconds, "tls"),
    "alertmanager": lambda port, seconds: AlertmanagerOptions(
        name="a", url=f"http://{HOST}:{port}", timeout_seconds=seconds
    ),
    "alertmanager-tls": lambda port, seconds: AlertmanagerOptions(
        name="a", url=f"https://{HOST}:{port}", timeout_seconds=seconds
    ),
    "webhook": lambda port, seconds: WebhookOptions(
        name="w", url=f"http://{HOST}:{port}/", timeout_seconds=seconds
    ),
    "redis": lambda port, seconds: RedisOptions(
        name="r", url=f"redis://{HOST}:{port}", timeout_seconds=seconds
    ),
    "rediss": lambda port, seconds: RedisOptions(
        name="r", url=f"rediss://{HOST}:{port}", timeout_seconds=seconds
    ),
    "kafka": lambda port, seconds: KafkaOptions(
        name="k", brokers=(f"{HOST}:{port}",), timeout_seconds=seconds
    ),
}
OPEN = ("smtp", "alertmanager", "webhook", "redis")
FAST = [each for each in SINKS if each != "kafka"]  # librdkafka takes its second for each
GARBAGE = (
    bytes(range(256)) * 4,
    b"\r\n" * 50,
    b"HTTP/1.1 999 \xff\r\n\r\n",
    b"HTTP/1.1 500 No\r\nContent-Length: -5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"220 hello\r\n" * 3 + b"250-\xff\xfe\r\n" * 3 + b"25\r\n",
    b"*1\r\n" * 5_000,
    b"$-7\r\n:nine\r\n%2\r\n",
    b"$99999999999999999999999\r\n",
    b"\x16\x03\x03\x00\x02\x02\x28",
)
ENDLESS = {
    "zeros": (b"", bytes(_PIECE)),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X-Y: " + b"z" * 500 + b"\r\n"),
    "body": (b"HTTP/1.1 500 No\r\n\r\n", b"no" * 4_096),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "greeting": (b"", b"220-hello\r\n" * 1_000),
    "bulk": (b"$2000000000\r\n", b"x" * _PIECE),
    "array": (b"*2000000000\r\n", b":1\r\n" * 1_000),
    "nested": (b"", b"*1\r\n" * 1_000),
}


def deliver(kind: str, port: int, folder: Path, seconds: float = 0.2) -> object:
    with closing(open_sink(SINKS[kind](port, seconds), folder)) as sink:
        return sink.deliver(some(1, 3))


@pytest.mark.parametrize("kind", FAST)
def test_nobody_listens(tmp_path: Path, kind: str) -> None:
    outcome = deliver(kind, free_port(), tmp_path)
    assert isinstance(outcome, RetryAfter)
    assert "refused" in outcome.reason


@pytest.mark.parametrize("kind", SINKS)
def test_it_closes_at_once(tmp_path: Path, kind: str) -> None:
    with serving(lambda _: None) as port:
        outcome = deliver(kind, port, tmp_path)
    assert isinstance(outcome, RetryAfter)
    assert outcome.done == 0
    assert outcome.reason.isprintable()


@pytest.mark.parametrize("kind", SINKS)
def test_it_says_nothing(tmp_path: Path, kind: str) -> None:
    def handle(sock: socket.socket) -> None:
        while sock.recv(_PIECE):
            pass

    with serving(handle) as port:
        outcome = deliver(kind, port, tmp_path)
    assert isinstance(outcome, RetryAfter)
    assert outcome.reason.isprintable()


@pytest.mark.parametrize("kind", OPEN)
def test_it_drips(tmp_path: Path, kind: str) -> None:
    """A byte now and then lengthens nothing: each is a beginning of what the client waits for."""
    drips = {"redis": b"+", "smtp": b"220-", "alertmanager": b"HTTP/1.1 200 OK\r\nA: "}.get(
        kind, b"\x16\x03\x03"
    )

    def handle(sock: socket.socket) -> None:
        for drip in itertools.chain(drips, itertools.repeat(ord("b"))):
            sock.sendall(bytes([drip]))
            time.sleep(0.02)

    with serving(handle) as port:
        outcome = deliver(kind, port, tmp_path)
    assert isinstance(outcome, RetryAfter)


@pytest.mark.parametrize(
    ("kind", "garbage"),
    [
        pytest.param(kind, garbage, id=f"{kind}-{number}")
        for kind, (number, garbage) in itertools.product(SINKS, enumerate(GARBAGE))
        if kind in OPEN or not number  # behind TLS, garbage is garbage
    ],
)
def test_it_says_garbage(tmp_path: Path, kind: str, garbage: bytes) -> None:
    def handle(sock: socket.socket) -> None:
        sock.sendall(garbage)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(_PIECE):
            pass

    with serving(handle) as port:
        outcome = deliver(kind, port, tmp_path)
    assert isinstance(outcome, RetryAfter)
    assert outcome.reason.isprintable()


@pytest.mark.parametrize("endless", ENDLESS)
@pytest.mark.parametrize("kind", OPEN)  # librdkafka has a bound of its own
def test_it_talks_without_end(tmp_path: Path, kind: str, endless: str) -> None:
    """Were it heard, gigabytes would be in the time that it has."""
    first, again = ENDLESS[endless]
    sent = 0

    def handle(sock: socket.socket) -> None:
        nonlocal sent
        sock.sendall(first)
        with suppress(OSError):
            while True:
                sock.sendall(again)
                sent += len(again)

    with serving(handle) as port:
        outcome = deliver(kind, port, tmp_path, 2.0)
    assert isinstance(outcome, RetryAfter)
    assert sent < MANY_BYTES


def test_a_server_of_plain_syslog_that_answers_is_none(tmp_path: Path) -> None:
    def handle(sock: socket.socket) -> None:
        sock.sendall(b"220 I am a mail server\r\n")
        while sock.recv(_PIECE):
            pass

    with serving(handle) as port:
        options = SyslogOptions(name="s", host=HOST, port=port, transport="tcp", timeout_seconds=2)
        with closing(open_sink(options, tmp_path)) as sink:
            outcomes = [sink.deliver(some(number, 1)) for number in (1, 2)]
    assert set(outcomes) <= {
        Delivered(),
        RetryAfter(f"{HOST}:{port}: it answers, which no syslog server does"),
    }


def test_a_guard_counts_bytes_and_time_over_all_calls() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        guard = Guard(30, 10)
        guarded = GuardedSocket(ours, guard)
        theirs.sendall(b"0123456789abcdef")
        assert guarded.recv(6) == b"012345"
        with pytest.raises(FloodError, match="it sent more than 10 bytes"):
            guarded.makefile("rb").readline()
        guard.begin()
        theirs.sendall(b"line\n")
        assert guarded.makefile("rb").readline() == b"line\n"
        spent = GuardedSocket(ours, Guard(0, 10))
        with pytest.raises(TimeoutError):
            spent.recv(1)
